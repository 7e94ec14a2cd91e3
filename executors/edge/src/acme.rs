//! Certificates from an authority: requested when a routed domain has none, or when its certificate is due
//! for renewal. A failure never stops anything: what was served stays served.

use super::certs::Cert;
use super::observed::Observed;
use super::routing::Routing;
use super::store::Store;
use super::tls::Tls;
use haloy_ledger::edge::Report;
use haloy_ledger::ids::Timestamp;
use haloy_ledger::locks::locked;
use haloy_ledger::outcome::{Failure, FailureCode};
use haloy_ledger::ports::{Clock, SystemClock, SystemEntropy};
use haloy_ledger::release::{AcmeMode, names};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error,
    Identifier, NewAccount, NewOrder, OrderStatus, RetryPolicy,
};
use std::sync::Arc;
use std::time::Duration;

/// Look at least this often; it costs a look at what is in memory.
const LOOK: Duration = Duration::from_secs(5);
/// How long an authority may take for everything that leads to one certificate.
const ORDER_TIME: Duration = Duration::from_secs(300);
/// How long it may take to look, and to issue.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(60));

/// Everything that has to do with certificates of an authority.
pub struct Keeper {
    /// What is kept on disk: accounts and contacts.
    pub store: Arc<Store>,
    /// The routed names.
    pub routing: Arc<Routing>,
    /// Certificates that there are.
    pub tls: Arc<Tls>,
    /// Where events are reported.
    pub observed: Arc<Observed>,
}

/// Looks after certificates for as long as the edge runs.
pub async fn keep(keeper: Keeper) {
    loop {
        for (cert, contact) in to_ask(&keeper) {
            ask(&keeper, &cert, contact.as_deref()).await;
        }
        let wanted = wanted(&keeper);
        if !wanted.is_empty() {
            keeper.tls.acme.terms.learn(&keeper.tls.authority).await;
        }
        for (names, contact) in wanted {
            issue(&keeper, names, contact.as_deref()).await;
        }
        let changed = keeper.tls.acme.look.notified();
        drop(tokio::time::timeout(LOOK, changed).await);
    }
}

/// Names of one certificate, and the address that the authority may write to about it.
type Wanted = (Vec<String>, Option<String>);

/// Names to request certificates for: of each route the names that a public authority could vouch for, or
/// all, or none, as its release wants; never one for which the user brought a certificate. The first name
/// identifies the certificate.
pub fn in_question(routing: &Routing, tls: &Tls, store: &Store) -> Vec<Wanted> {
    let (table, contacts) = (routing.table(), store.contacts());
    // A certificate that is nowhere presented is of no use.
    let routes = table.snapshot.iter().filter(|_| tls.presents);
    let routes = routes.flat_map(|snapshot| &snapshot.routes);
    let asked = routes.filter(|route| route.acme != Some(AcmeMode::Off)).map(|route| {
        let own = |name: &str| tls.certs.get(name).is_some_and(|cert| cert.own);
        let names = std::iter::once(&route.domain).chain(&route.aliases);
        // A release that wants one for every name uses an authority of its own, which may vouch for any.
        let every = route.acme == Some(AcmeMode::On);
        let names = names.filter(|name| (every || names::is_public(name)) && !own(name)).cloned().collect();
        (names, contacts.get(&route.domain).cloned())
    });
    asked.filter(|(names, _): &Wanted| !names.is_empty()).collect()
}

impl Keeper {
    fn in_question(&self) -> Vec<Wanted> {
        in_question(&self.routing, &self.tls, &self.store)
    }
}

/// Those that need a certificate now.
fn wanted(keeper: &Keeper) -> Vec<Wanted> {
    let now = SystemClock.now();
    let due = |name: &String| match keeper.tls.certs.get(name) {
        Some(cert) => keeper.tls.acme.renewals.due(&cert, now),
        None => true,
    };
    let waits = |names: &[String]| names.first().is_some_and(|first| keeper.tls.acme.waits(first, now));
    let wanted = keeper.in_question().into_iter();
    wanted.filter(|(names, _)| names.iter().any(due) && !waits(names)).collect()
}

/// Certificates that the authority may know more about than this edge.
fn to_ask(keeper: &Keeper) -> Vec<(Arc<Cert>, Option<String>)> {
    let (asked, now) = (keeper.in_question(), SystemClock.now());
    let issued: Vec<_> = keeper.tls.certs.all().into_iter().filter(|cert| !cert.own).collect();
    keeper.tls.acme.renewals.keep_only(&issued.iter().map(|cert| cert.serial.clone()).collect::<Vec<_>>());
    let due = issued.into_iter().filter(|cert| keeper.tls.acme.renewals.to_ask(cert, now));
    due.filter_map(|cert| {
        let of_it = |(names, _): &&Wanted| names.iter().any(|name| cert.names.contains(name));
        let contact = asked.iter().find(of_it)?.1.clone();
        Some((cert, contact))
    })
    .collect()
}

/// When to renew: RFC 9773. Authorities that do not support it are not queried again for a while.
async fn ask(keeper: &Keeper, cert: &Cert, contact: Option<&str>) {
    let time = |nanos: i128| i64::try_from(nanos).map_or(Timestamp(i64::MAX), Timestamp);
    let said = async {
        let known = identifier(cert)?;
        // Without an account there is nothing to query with; one is made for an order, not for this.
        keeper.store.account(&keeper.tls.authority.directory())?;
        let account = account(keeper, contact).await.ok()?;
        let (info, again) = account.renewal_info(&known).await.ok()?;
        let window = info.suggested_window;
        let (start, end) = (window.start.unix_timestamp_nanos(), window.end.unix_timestamp_nanos());
        Some(((time(start), time(end)), again))
    };
    let said = tokio::time::timeout(ORDER_TIME, said).await.ok().flatten();
    keeper.tls.acme.renewals.record_advice(cert, said, SystemClock.now(), &SystemEntropy);
}

/// What its authority calls a certificate (RFC 9773, 4.1).
fn identifier(cert: &Cert) -> Option<CertificateIdentifier<'static>> {
    let (authority, serial) = cert.identifier.as_ref()?;
    Some(CertificateIdentifier::new(authority.as_slice().into(), serial.as_slice().into()).into_owned())
}

/// Requests a certificate; retries once without naming the previous one, and with a new account, where the
/// authority objects to those.
async fn asked_for(keeper: &Keeper, names: &[String], contact: Option<&str>) -> Result<Issued, String> {
    let before = names.first().and_then(|domain| keeper.tls.certs.get(domain));
    let mut replaces = before.filter(|cert| !cert.own && keeper.tls.acme.renewals.advised(cert));
    let mut forgotten = false;
    loop {
        let order = order(keeper, names, contact, replaces.as_deref().and_then(identifier));
        let asked = tokio::time::timeout(ORDER_TIME, order).await;
        match asked.unwrap_or_else(|_| Err("the authority did not answer in time".to_owned())) {
            // The authority forgot the account: a new one is made, once.
            Err(error) if error.contains("accountDoesNotExist") && !forgotten => {
                forgotten = true;
                keeper.store.forget_account(&keeper.tls.authority.directory());
            }
            Err(_) if replaces.is_some() => replaces = None,
            asked => return asked,
        }
    }
}

async fn issue(keeper: &Keeper, names: Vec<String>, contact: Option<&str>) {
    let Some(domain) = names.first().cloned() else { return };
    let renewal = keeper.tls.certs.get(&domain).is_some();
    let ca = keeper.tls.authority.directory();
    let asked = asked_for(keeper, &names, contact).await;
    let now = SystemClock.now();
    let kept = asked.and_then(|(account, key, chain)| {
        keeper.tls.certs.keep(&domain, &key, &chain).map_err(|error| error.to_string())?;
        keeper.tls.certs.load();
        let cert = keeper.tls.certs.get(&domain).ok_or("what was issued cannot be read")?;
        if !cert.own && keeper.tls.acme.renewals.due(&cert, now) {
            return Err("what was issued is already due for renewal".to_owned());
        }
        Ok((account, cert))
    });
    match kept {
        Ok((account, cert)) => {
            locked(&keeper.tls.acme.failures).remove(&domain);
            let (serial, not_after) = (cert.serial.clone(), cert.not_after);
            keeper.observed.report(Report::Issued { names, serial, not_after, ca, account, renewal });
        }
        Err(why) => {
            let cause = Failure::new(FailureCode::Other, "no certificate was issued");
            let next_try = keeper.tls.acme.failed(&domain, now, &why);
            eprintln!("haloy edge: no certificate for {domain}: {why}");
            keeper.observed.report(Report::NotIssued { names, cause, detail: Some(why), next_try });
        }
    }
}

/// The authority's own sentence, where it has one.
fn error_text(error: Error) -> String {
    match error {
        Error::Api(problem) => {
            let kind = problem.r#type.as_deref().and_then(|kind| kind.rsplit(':').next()).unwrap_or("error");
            format!("{kind}: {}", problem.detail.as_deref().unwrap_or("no detail"))
        }
        other => other.to_string(),
    }
}

async fn account(keeper: &Keeper, contact: Option<&str>) -> Result<Account, String> {
    let options = &keeper.tls.authority;
    let directory = options.directory();
    let builder = || match &options.root {
        Some(root) => Account::builder_with_root(root),
        None => Account::builder(),
    };
    if let Some(known) = keeper.store.account(&directory)
        && let Ok(credentials) = serde_json::from_str::<AccountCredentials>(&known)
    {
        return builder().map_err(error_text)?.from_credentials(credentials).await.map_err(error_text);
    }
    let contact = contact.map(|contact| format!("mailto:{contact}"));
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let made = builder().map_err(error_text)?.create(&new, directory.clone(), None).await;
    let (account, credentials) = made.map_err(error_text)?;
    let credentials = serde_json::to_string(&credentials).map_err(|error| error.to_string())?;
    keeper.store.keep_account(&directory, &credentials).map_err(|error| error.to_string())?;
    keeper.observed.report(Report::Account { directory, account: account.id().to_owned() });
    Ok(account)
}

/// Account, private key and chain.
type Issued = (String, String, String);

async fn order(
    keeper: &Keeper,
    names: &[String],
    contact: Option<&str>,
    replaces: Option<CertificateIdentifier<'_>>,
) -> Result<Issued, String> {
    let account = account(keeper, contact).await?;
    let identifiers: Vec<Identifier> = names.iter().cloned().map(Identifier::Dns).collect();
    let asked = NewOrder::new(&identifiers);
    let asked = match replaces {
        Some(replaces) => asked.replaces(replaces),
        None => asked,
    };
    let mut order = account.new_order(&asked).await.map_err(error_text)?;
    let mut tokens = Vec::new();
    let challenged = challenge(keeper, &mut order, &mut tokens).await;
    let ready = match challenged {
        Ok(()) => order.poll_ready(&PATIENCE).await.map_err(error_text),
        Err(error) => Err(error),
    };
    keeper.tls.acme.forget(&tokens);
    if ready? != OrderStatus::Ready {
        return Err(why_invalid(&mut order).await);
    }
    let key = order.finalize().await.map_err(error_text)?;
    let chain = order.poll_certificate(&PATIENCE).await.map_err(error_text)?;
    Ok((account.id().to_owned(), key, chain))
}

async fn challenge(
    keeper: &Keeper,
    order: &mut instant_acme::Order,
    tokens: &mut Vec<String>,
) -> Result<(), String> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(error_text)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let challenge = authorization.challenge(ChallengeType::Http01);
        let mut challenge = challenge.ok_or("the authority offers no challenge over http")?;
        let (token, answer) = (challenge.token.clone(), challenge.key_authorization().as_str().to_owned());
        tokens.push(token.clone());
        locked(&keeper.tls.acme.tokens).insert(token, answer);
        challenge.set_ready().await.map_err(error_text)?;
    }
    Ok(())
}

/// The name that the authority could not validate, and what it saw instead.
async fn why_invalid(order: &mut instant_acme::Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Ok(state) = authorization.refresh().await {
            let problems = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
            if let Some(detail) = problems.filter_map(|problem| problem.detail.clone()).next() {
                return detail;
            }
        }
    }
    "the authority says that the order is invalid, but not why".to_owned()
}
