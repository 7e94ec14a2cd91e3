//! Restarting what is live: the request, driving it to its end, and reading the result from the log.

use super::{As, Open, drive, errors};
use crate::*;
use haloy_executors::Dispatcher;
use haloy_ledger::deployment::Command;
use haloy_ledger::event::{AnyEvent, RestartEnded, RestartRequested, TargetEvent};
use haloy_ledger::ids::{Position, TargetKey};
use haloy_ledger::outcome::FailureCode;
use haloy_ledger::read::View;
use haloy_ledger::{CommandContext, Executed};
use std::convert::Infallible;
use std::sync::Arc;

/// Restarts the replicas of a target, one after the other.
pub async fn restart(
    service: &As,
    open: &Open,
    request: RestartRequest,
    follow: &Arc<dyn Follow>,
) -> Result<StatusAnswer, Error> {
    let RestartRequest { key, why } = &request;
    let (here, context) = (&service.here, service.context(why));
    let work = service.interrupt.work();
    let dispatcher = drive::dispatcher(here, open, follow);
    drive::reached(&dispatcher, key, "restarted").await?;
    let driver = open.handle.driver(key).await;
    drive::settle_first(&dispatcher, &driver, &context, follow).await?;
    if drive::revive(&dispatcher, &driver, &context, follow).await? > 0 {
        let message =
            format!("{key}: nothing was restarted, since not all of it could be made to run: see above");
        return Err(Error::new(Kind::Operational, message).hint("haloy deploy makes new containers"));
    }
    startable(&dispatcher, key).await?;
    if work.is_interrupted() {
        return Err(Error::new(Kind::Interrupted, format!("{key}: nothing was begun")));
    }
    let command = Command::Restart { at: here.now() };
    let executed = open.handle.execute(key, command, &context).await.map_err(errors::execute)?;
    follow.recorded(key, &executed.events);
    let driven = tokio::select! {
        driven = dispatcher.drive(&driver, &context) => driven,
        never = cut_short_on_interrupt(&dispatcher, key, &work, &context, follow) => match never {},
    };
    driven.map_err(errors::dispatch)?;
    ended_well(open, key, &executed).await?;
    here.status_of(open, key).await
}

/// A replica whose values are not available any more is not stopped: it could not be started again.
async fn startable(dispatcher: &Dispatcher, key: &TargetKey) -> Result<(), Error> {
    let state = dispatcher.handle.state(key).await.map_err(errors::log)?;
    let live = state.current.as_ref().filter(|live| !live.stopped);
    let Some(live) = live else { return Ok(()) };
    let values = dispatcher.values.values(live.release, Some(&live.spec)).await;
    values.map(drop).map_err(|why| {
        let why = words::with_detail(why.cause.to_string(), Some(&why.detail));
        Error::new(Kind::Operational, format!("{key}: nothing was restarted: {why}"))
            .hint("haloy deploy takes the values that there are now")
    })
}

/// Ends a restart with the current replica on request; that one is brought back all the same.
async fn cut_short_on_interrupt(
    dispatcher: &Dispatcher,
    key: &TargetKey,
    work: &Work,
    context: &CommandContext,
    follow: &Arc<dyn Follow>,
) -> Infallible {
    work.asked().await;
    let asked = dispatcher.ask_meanwhile(key, Command::CancelRestart, &context.consequence()).await;
    if let Err(error) = asked {
        follow.note(&format!("it could not be cut short: {error}"));
    }
    std::future::pending().await
}

/// Whether every replica was restarted and is well again, as the log has it.
async fn ended_well(open: &Open, key: &TargetKey, executed: &Executed) -> Result<(), Error> {
    let Some((first, _)) = executed.positions else { return Ok(()) };
    let of = key.clone();
    let (asked, ended) =
        open.handle.view(move |view| outcome_of(view, &of, first)).await.map_err(errors::log)?;
    let Some(RestartEnded { restarted, cause }) = ended else {
        let message = format!("{key}: the restart is not finished");
        return Err(Error::new(Kind::Operational, message).hint("haloy settle"));
    };
    let Some(cause) = cause else { return Ok(()) };
    let done = restarted.len();
    let text = format!("{key}: {done} of {} restarted", words::count(asked, "replica"));
    if matches!(cause.code, FailureCode::Cancelled | FailureCode::Interrupted) {
        return Err(Error::new(Kind::Interrupted, format!("{text}, and the others were left as they are")));
    }
    let others = match asked.saturating_sub(done + 1) {
        0 => String::new(),
        left => format!("; {left} not touched"),
    };
    Err(Error::new(Kind::Operational, format!("{text}, the next one failed: {cause}{others}"))
        .hint("see: haloy logs; then go back with haloy rollback, or try haloy restart again"))
}

/// How many replicas were to be restarted, and how that ended, where it has.
fn outcome_of(
    view: &View<'_>,
    key: &TargetKey,
    first: Position,
) -> Result<(usize, Option<RestartEnded>), haloy_ledger::log::LogError> {
    let stream = key.stream();
    let (mut asked, mut ended) = (0, None);
    for recorded in view.recorded(first, usize::MAX)? {
        match recorded.event {
            _elsewhere if recorded.envelope.stream != stream => {}
            AnyEvent::Target(TargetEvent::RestartRequested(RestartRequested { replicas, .. }))
                if asked == 0 =>
            {
                asked = replicas.len()
            }
            AnyEvent::Target(TargetEvent::RestartEnded(e)) if ended.is_none() => ended = Some(e),
            _other => {}
        }
    }
    Ok((asked, ended))
}
