//! Evidence: checking, proving, keys, erasing, recovering, backups.

use super::{Embedded, errors, queries};
use crate::*;
use haloy_executors::LedgerHandle;
use haloy_ledger::ids::Position;
use haloy_ledger::integrity::checkpoint::TreeHead;
use haloy_ledger::integrity::note::{Note, Verifier};
use haloy_ledger::integrity::verify::{Asked, Report};
use haloy_ledger::ledger::{self, Backup, Evidence, KeyChange, Recovery, RedactError, Redacted};
use haloy_ledger::log::ClockPolicy;
use haloy_ledger::read::View;
use haloy_ledger::{CommandContext, Ledger, OpenError};
use std::sync::Arc;
use std::time::Instant;

impl Embedded {
    pub(super) async fn replay(&self) -> Result<ReplayAnswer, Error> {
        self.must_be_there()?;
        let started = Instant::now();
        let report = self.read(|ledger| ledger.replay(&mut |_| {}).map_err(errors::log)).await??;
        Ok(ReplayAnswer {
            events: report.events,
            rows: report.rows,
            digest: report.digest,
            differences: report.differences.iter().map(ToString::to_string).collect(),
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    pub(super) async fn verify(&self, request: VerifyRequest, counter: Counter) -> Result<Report, Error> {
        if let Some((folder, keys)) = request.published.clone() {
            let keys = keys.iter().map(|key| verifier(key)).collect::<Result<Vec<_>, _>>()?;
            let checked = tokio::task::spawn_blocking(move || {
                Evidence::published(&folder, keys).verify(&asked(&request), &mut |done, of| counter(done, of))
            });
            return checked.await.map_err(|error| Error::new(Kind::Operational, error.to_string()));
        }
        let places = self.ledger_options().places();
        if !self.is_there()? && ledger::sizes(&places) == (None, None) {
            self.must_be_there()?;
        }
        let check = move |options| {
            let evidence = Evidence::open(&options)?;
            Ok(evidence.verify(&asked(&request), &mut |done, of| counter(done, of)))
        };
        self.patiently(ClockPolicy::default(), |_| {}, check).await?.map_err(errors::open)
    }

    pub(super) async fn prove(&self, what: &str) -> Result<Vec<ProofRow>, Error> {
        let what = what.to_owned();
        let events = self.read_entries(move |ledger| ledger.view(|view| positions(view, &what))).await??;
        let places = self.ledger_options().places();
        let wanted: Vec<Position> = events.iter().map(|(at, _)| *at).collect();
        let published = ledger::sizes(&places).1.unwrap_or(0);
        if wanted.iter().any(|at| at.0 >= published) {
            // Whoever wrote them was killed: opening the ledger to write, and closing it, publishes them.
            drop(self.wait_for(ClockPolicy::default(), |_| {}).await?);
        }
        let proofs = ledger::prove(&places, &wanted).map_err(errors::log)?;
        let rows = proofs.iter().zip(events).map(|(proof, (at, kind))| ProofRow {
            position: at.0,
            kind,
            proof: proof.text(),
        });
        Ok(rows.collect())
    }

    pub(super) async fn rotate_key(&self, context: CommandContext) -> Result<KeyChange, Error> {
        let ledger = self.wait_for(self.clock_policy().await, |_| {}).await?;
        LedgerHandle::new(Arc::new(ledger))
            .call(move |ledger| ledger.rotate_key(&context))
            .await
            .map_err(errors::open)
    }

    pub(super) async fn adopt_keys(&self, context: CommandContext) -> Result<KeyChange, Error> {
        let policy = self.clock_policy().await;
        let adopt = move |options| Ledger::adopt_keys(options, &context);
        self.patiently(policy, |_| {}, adopt).await?.map_err(errors::open)
    }

    pub(super) async fn redact(
        &self,
        request: RedactRequest,
        context: CommandContext,
    ) -> Result<Redacted, Error> {
        if !self.is_there()? {
            // Nothing was ever recorded, and what is to be erased is not there either.
            let what = request.what.clone();
            self.view(move |view| positions(view, &what)).await?;
        }
        self.must_be_there()?;
        let ledger = self.wait_for(self.clock_policy().await, |_| {}).await?;
        let RedactRequest { what, fields, basis, .. } = request;
        let work = move || {
            let events = ledger.view(|view| positions(view, &what))?;
            let positions: Vec<Position> = events.into_iter().map(|(at, _)| at).collect();
            let redacted = ledger.redact(&positions, &fields, &basis, &context).map_err(not_redacted)?;
            let erased = ledger.erase().map_err(errors::open);
            erased
                .map_err(|error| error.hint("the erasure is recorded; the next command goes on with it"))?;
            Ok(redacted)
        };
        haloy_executors::join::ended(tokio::task::spawn_blocking(work).await).await
    }

    pub(super) async fn recover(&self, context: CommandContext) -> Result<Recovery, Error> {
        let policy = self.clock_policy().await;
        let recover = move |options| Ledger::recover(options, &context);
        self.patiently(policy, |_| {}, recover).await?.map_err(|error| match error {
            OpenError::Refused(fault) => {
                Error::new(Kind::Verification, format!("the ledger cannot be rebuilt: {fault}"))
                    .hint("nothing was changed; bring back a backup with: haloy restore DIR")
            }
            other => errors::open(other),
        })
    }

    pub(super) async fn backup(&self, request: BackupRequest) -> Result<Backup, Error> {
        self.must_be_there()?;
        let (options, BackupRequest { into }) = (self.ledger_options(), request);
        let copied = tokio::task::spawn_blocking(move || {
            // Who has the ledger now need not stop, and a ledger that is refused has a published copy all the same.
            let open = || Ledger::open(options.clone()).ok();
            let ledger = options.places().store().exists().then(open).flatten();
            if let Some(newer) = ledger.as_ref().and_then(Ledger::newer) {
                return Err(errors::log(newer.clone()));
            }
            if let Err(error) = std::fs::create_dir_all(&into) {
                let message = format!("the folder {} cannot be made: {error}", into.display());
                return Err(Error::new(Kind::Operational, message));
            }
            let copied = match ledger {
                Some(ledger) => ledger.backup(&into),
                None => ledger::backup(&options, &into),
            };
            copied.map_err(errors::open)
        });
        haloy_executors::join::ended(copied.await).await
    }

    pub(super) async fn restore(
        &self,
        request: RestoreRequest,
        context: CommandContext,
    ) -> Result<Recovery, Error> {
        let RestoreRequest { from, older, .. } = request;
        if let Err(error) = std::fs::metadata(from.join("published")) {
            let message = format!("there is no backup in {}: {error}", from.display());
            return Err(
                Error::new(Kind::Usage, message).hint("it is the folder that was given to: haloy backup")
            );
        }
        let policy = self.clock_policy().await;
        let restore = move |options| Ledger::restore(options, &from, older, &context);
        self.patiently(policy, |_| {}, restore).await?.map_err(|error| match error {
            OpenError::Refused(fault) if fault.code == haloy_ledger::integrity::code::Code::LogShorter => {
                Error::new(Kind::Verification, format!("the backup is refused: {fault}"))
                    .hint("nothing was changed; --older puts it back all the same, and records what is lost")
            }
            OpenError::Refused(fault) => {
                Error::new(Kind::Verification, format!("the backup is refused: {fault}"))
            }
            other => errors::open(other),
        })
    }
}

fn not_redacted(error: RedactError) -> Error {
    let told = Error::new(Kind::Operational, error.to_string());
    match error {
        RedactError::Open(error) => errors::open(error),
        RedactError::NoEvent(_) => Error { kind: Kind::Usage, ..told }.hint("list them with: haloy events"),
        RedactError::Nothing { .. } => Error { kind: Kind::Usage, ..told },
        RedactError::Held { .. } => told.hint("see who holds it and why with: haloy hold"),
        RedactError::Live { .. } => told.hint("deploy without those values first"),
    }
}

fn asked(request: &VerifyRequest) -> Asked {
    Asked { since: request.since, against: request.against.clone() }
}

/// A key as somebody gave it.
pub fn verifier(key: &str) -> Result<Verifier, Error> {
    Verifier::parse(key.trim()).map_err(|error| {
        Error::new(Kind::Usage, format!("`{key}`: {error}")).hint("show the key of a ledger with: haloy key")
    })
}

/// Events that somebody means: by position, or all of a deployment.
fn positions(view: &View<'_>, what: &str) -> Result<Vec<(Position, String)>, Error> {
    let rows = match what.strip_prefix('#') {
        Some(number) => {
            let at = number
                .parse()
                .map_err(|_| Error::new(Kind::Usage, format!("`{what}` is not a valid position")))?;
            let request =
                EventsRequest { from: at, limit: Some(1), key: None, kinds: Vec::new(), deployment: None };
            queries::events(view, &request)?
        }
        None => {
            let deployment = Some(what.to_owned());
            queries::events(
                view,
                &EventsRequest { from: 0, limit: None, key: None, kinds: Vec::new(), deployment },
            )?
        }
    };
    if rows.is_empty() {
        return Err(
            Error::new(Kind::Usage, format!("there is no event {what}")).hint("list them with: haloy events")
        );
    }
    Ok(rows.into_iter().map(|row| (row.view.position, row.view.kind)).collect())
}

pub fn checkpoint(ledger: &Ledger) -> Result<CheckpointAnswer, Error> {
    let none =
        || Error::new(Kind::Operational, "nothing was signed yet").hint("the first deploy makes the ledger");
    let checkpoint = ledger.last_head().map_err(errors::log)?.ok_or_else(none)?;
    let unread = |error: String| Error::new(Kind::Verification, format!("the head cannot be read: {error}"));
    let note = Note::parse(checkpoint.as_bytes()).map_err(|error| unread(error.to_string()))?;
    let head = TreeHead::parse(note.text).map_err(|error| unread(error.to_string()))?;
    let known = ledger.known().map_err(errors::log)?;
    let verifier_key = known.as_ref().and_then(|known| known.active()).map(|key| key.verifier.to_string());
    Ok(CheckpointAnswer {
        origin: head.origin,
        size: head.size,
        root: hex::encode(head.root),
        verifier_key,
        checkpoint,
    })
}

pub fn keys(ledger: &Ledger) -> Result<Vec<KeyRow>, Error> {
    let Some(known) = ledger.known().map_err(errors::log)? else { return Ok(Vec::new()) };
    let signing = known.signing.iter().map(|key| KeyRow {
        purpose: "signing".to_owned(),
        id: key.verifier.id(),
        verifier_key: Some(key.verifier.to_string()),
        added: key.added.0,
        retired: key.retired.map(|at| at.0),
    });
    let others = known.others.iter().map(|(purpose, id)| KeyRow {
        purpose: purpose.clone(),
        id: id.clone(),
        verifier_key: None,
        added: 0,
        retired: None,
    });
    Ok(signing.chain(others).collect())
}
