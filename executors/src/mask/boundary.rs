//! The one place where what executors report is masked, whatever became of the effect.

use super::{Mask, Masker};
use crate::contract::{ExecutorError, Progress, ProgressSink};
use haloy_ledger::ids::EffectId;
use haloy_ledger::outcome::{LogTail, Outcome};
use haloy_ledger::release::ResolvedImage;
use std::sync::Arc;

impl Mask {
    /// A result with every text in it masked.
    pub fn result(&self, result: Result<Outcome, ExecutorError>) -> Result<Outcome, ExecutorError> {
        let masker = self.masker();
        match result {
            Ok(outcome) => Ok(outcome_masked(&masker, outcome)),
            Err(error) => Err(error_masked(&masker, error)),
        }
    }

    /// An error with every text in it masked.
    pub fn error(&self, error: ExecutorError) -> ExecutorError {
        error_masked(&self.masker(), error)
    }
}

/// Our own words need no mask; what others wrote does.
fn error_masked(masker: &Masker, error: ExecutorError) -> ExecutorError {
    ExecutorError { detail: masker.text(&error.detail), ..error }
}

/// Every text is named, so that a new one cannot be forgotten.
fn outcome_masked(masker: &Masker, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::ImageResolved(image) => Outcome::ImageResolved(image_named(masker, image)),
        Outcome::ImageBuilt { image_id, context_digest, dockerfile_digest, platform, size } => {
            let platform = platform_named(platform);
            Outcome::ImageBuilt { image_id, context_digest, dockerfile_digest, platform, size }
        }
        Outcome::ReplicaUnhealthy { cause, detail, probes, exit_code, log_tail } => {
            Outcome::ReplicaUnhealthy {
                cause,
                detail: masker.text(&detail),
                probes,
                exit_code,
                log_tail: tail_masked(masker, &log_tail),
            }
        }
        Outcome::HookFinished { exit, log_tail } => {
            Outcome::HookFinished { exit, log_tail: tail_masked(masker, &log_tail) }
        }
        Outcome::Failed { cause, detail } => Outcome::Failed { cause, detail: masker.text(&detail) },
        // Digests, numbers, and names that the engine gives or that we gave ourselves.
        Outcome::ImagePushed { reference: _, digest: _ }
        | Outcome::RegistryTagRemoved
        | Outcome::ImagePulled { image_id: _, bytes: _, from: _ }
        | Outcome::ImageTagged { local_tag: _, image_id: _, engine_id: _ }
        | Outcome::NetworkReady { network_id: _ }
        | Outcome::ReplicaStarted { container_id: _, address: _, fixed: _, image_id: _, volumes: _ }
        | Outcome::ReplicaHealthy { probes: _, took_ms: _, how: _ }
        | Outcome::RoutesApplied { generation: _, digest: _, domains: _, routed: _ }
        | Outcome::ReplicaDrained { left_in_flight: _, took_ms: _ }
        | Outcome::ReplicaStopped { exit_code: _, forced: _ }
        | Outcome::VolumeRemoved { freed: _ }
        | Outcome::ReplicaRemoved { container_id: _, volumes: _ }
        | Outcome::LocalTagRemoved { freed: _, shared: _ } => outcome,
    }
}

fn tail_masked(masker: &Masker, tail: &LogTail) -> LogTail {
    LogTail::new(&masker.text(&tail.0))
}

/// The labels of an image are foreign text that is recorded in bytes that are never erased: only a plausible
/// date, commit and address are taken, the last without a password.
fn image_named(masker: &Masker, image: ResolvedImage) -> ResolvedImage {
    let looks = |text: &String, most: usize, others: &str| {
        text.len() <= most && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
    };
    let unmasked = |text: &String| masker.text(text) == *text;
    ResolvedImage {
        platform: platform_named(image.platform),
        created: image.created.filter(|text| looks(text, 40, "-+:.")).filter(unmasked),
        revision: image.revision.filter(|text| looks(text, 128, "-+:._/")).filter(unmasked),
        source: image.source.map(|text| masker.text(&text)).filter(|text| looks(text, 512, "-+:._/@~%*")),
        ..image
    }
}

fn platform_named(platform: String) -> String {
    let looks =
        platform.len() <= 64 && platform.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if looks { platform } else { "unknown".to_owned() }
}

/// Passes progress on, masked.
pub struct MaskedProgress {
    mask: Arc<Mask>,
    to: Arc<dyn ProgressSink>,
}

impl MaskedProgress {
    /// Passes on to `to`.
    pub fn new(mask: Arc<Mask>, to: Arc<dyn ProgressSink>) -> Self {
        Self { mask, to }
    }
}

impl ProgressSink for MaskedProgress {
    fn progress(&self, effect: &EffectId, progress: Progress) {
        let progress = match progress {
            Progress::Line(line) => Progress::Line(self.mask.masker().text(&line)),
            Progress::Probe { number, saw } => Progress::Probe { number, saw: self.mask.masker().text(&saw) },
            Progress::Bytes { done, total } => Progress::Bytes { done, total },
        };
        self.to.progress(effect, progress);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Retry;
    use haloy_ledger::ids::ImageRef;
    use haloy_ledger::outcome::{Failure, FailureCode, HookExit};

    const CANARY: &str = "canary-value-81b";

    fn image() -> ResolvedImage {
        ResolvedImage {
            reference: ImageRef::new("app:v1").expect("valid"),
            index_digest: None,
            digest: None,
            image_id: None,
            platform: format!("linux/{CANARY} and more"),
            size: None,
            created: Some(format!("2026 {CANARY}")),
            revision: Some(CANARY.to_owned()),
            source: Some(format!("https://user:{CANARY}@host/path")),
        }
    }

    #[test]
    fn every_outcome_and_every_error_is_masked() {
        let mask = Mask::new(&[CANARY.to_owned()]);
        let cause = Failure::new(FailureCode::Other, "it went wrong");
        let (detail, log_tail) = (format!("it says {CANARY}"), LogTail(format!("line\n{CANARY}\n")));
        let outcomes = [
            Outcome::ImageResolved(image()),
            Outcome::ReplicaUnhealthy {
                cause: cause.clone(),
                detail: detail.clone(),
                probes: 1,
                exit_code: None,
                log_tail: log_tail.clone(),
            },
            Outcome::HookFinished { exit: HookExit::Code(1), log_tail },
            Outcome::Failed { cause: cause.clone(), detail: detail.clone() },
        ];
        for outcome in outcomes {
            let masked = format!("{:?}", mask.result(Ok(outcome)));
            assert!(!masked.contains("canary") && masked.contains("***"), "{masked}");
        }
        let error = ExecutorError { cause, detail, retry: Retry::Never };
        let masked = format!("{:?}", mask.result(Err(error)));
        assert!(!masked.contains("canary") && masked.contains("***"), "{masked}");
    }

    #[test]
    fn an_image_says_of_itself_what_looks_like_it() {
        let mask = Mask::default();
        let said = |revision: &str, source: &str| {
            let image = ResolvedImage {
                platform: "linux/arm64".to_owned(),
                created: Some("2026-11-26T10:49:02.109499995Z".to_owned()),
                revision: Some(revision.to_owned()),
                source: Some(source.to_owned()),
                ..image()
            };
            match mask.result(Ok(Outcome::ImageResolved(image))) {
                Ok(Outcome::ImageResolved(image)) => image,
                other => panic!("{other:?}"),
            }
        };
        let image = said("3f2c9d1", "https://github.com/org/app.git");
        assert_eq!(image.revision.as_deref(), Some("3f2c9d1"));
        assert_eq!(image.source.as_deref(), Some("https://github.com/org/app.git"));
        assert_eq!((image.platform.as_str(), image.created.is_some()), ("linux/arm64", true));
        let image = said("a sentence of somebody", "https://user:token@host/path");
        assert_eq!((image.revision, image.source.as_deref()), (None, Some("https://user:***@host/path")));
    }

    #[test]
    fn what_is_found_on_the_way_is_hidden_from_then_on() {
        let (mask, other) = (Mask::default(), Mask::new(&["found-elsewhere".to_owned()]));
        assert_eq!(mask.masker().text("found-later"), "found-later");
        mask.learn(&["found-later".to_owned()]);
        mask.learn_from(&other);
        assert_eq!(mask.masker().text("found-later, found-elsewhere"), "***, ***");
    }
}
