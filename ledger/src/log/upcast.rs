//! Old payloads: pure steps from version n of a kind to version n + 1, on the untyped map.

use crate::event::AnyEvent;
use rmpv::Value;

/// One step: from this version of a kind to the next.
#[derive(Clone, Copy)]
pub struct Upcaster {
    /// Kind of event.
    pub kind: u16,
    /// Version that it takes.
    pub from: u16,
    /// The step. Fails only on a payload that was never of that version.
    pub step: fn(Value) -> Result<Value, String>,
}

/// Every step ever needed. Only grows.
const UPCASTERS: &[Upcaster] = &[
    // Version 2 of a request may say that a build is pushed; without that field it is not.
    Upcaster { kind: 20, from: 1, step: Ok },
    // Format 3. What a version adds is left out where it is not there; a hook's line that was recorded as a
    // text is read as one that was never private.
    Upcaster { kind: 20, from: 2, step: Ok },
    Upcaster { kind: 21, from: 1, step: typed_admissions },
    Upcaster { kind: 36, from: 1, step: Ok },
    Upcaster { kind: 40, from: 1, step: Ok },
    // The texts of failures held words of others, too; they stay what was recorded.
    Upcaster { kind: 42, from: 1, step: Ok },
    Upcaster { kind: 46, from: 1, step: Ok },
    Upcaster { kind: 47, from: 1, step: Ok },
    Upcaster { kind: 48, from: 1, step: Ok },
    Upcaster { kind: 49, from: 1, step: Ok },
    Upcaster { kind: 56, from: 1, step: Ok },
    Upcaster { kind: 57, from: 1, step: Ok },
    Upcaster { kind: 59, from: 1, step: Ok },
    Upcaster { kind: 60, from: 1, step: Ok },
    Upcaster { kind: 61, from: 1, step: Ok },
    Upcaster { kind: 62, from: 1, step: Ok },
    Upcaster { kind: 63, from: 1, step: Ok },
    Upcaster { kind: 66, from: 1, step: Ok },
    Upcaster { kind: 80, from: 1, step: Ok },
    Upcaster { kind: 111, from: 1, step: Ok },
    // Format 4: what containers are called, and more causes of a restart and of being out of the route.
    Upcaster { kind: 20, from: 3, step: Ok },
    Upcaster { kind: 82, from: 1, step: Ok },
    Upcaster { kind: 114, from: 1, step: Ok },
    Upcaster { kind: 115, from: 1, step: Ok },
];

/// Gates and decisions were texts; the only ones ever written were those of no gate at all.
fn typed_admissions(payload: Value) -> Result<Value, String> {
    let Value::Map(fields) = payload else { return Err("an admission is not a map".to_owned()) };
    let typed = |value: Value| match value {
        Value::Array(by) => Value::Array(by.into_iter().map(|_| open_gate()).collect()),
        other => other,
    };
    let field = |(name, value): (Value, Value)| match name.as_str() {
        Some("by") => (name, typed(value)),
        _other => (name, value),
    };
    Ok(Value::Map(fields.into_iter().map(field).collect()))
}

fn open_gate() -> Value {
    Value::Map(vec![("gate".into(), "open".into()), ("decision".into(), "passed".into())])
}

/// The version of a kind that this program writes; `None` for a kind that it does not know.
pub fn current_version(kind: u16) -> Option<u16> {
    AnyEvent::version_of(kind)
}

/// Whether this program can read that version of that kind.
pub fn readable(kind: u16, version: u16) -> bool {
    current_version(kind).is_some_and(|current| (1..=current).contains(&version))
}

/// Brings a payload to the version that this program writes.
pub(super) fn upcast(kind: u16, version: u16, payload: Value) -> Result<Value, String> {
    let current = current_version(kind).ok_or_else(|| format!("kind {kind} is not known"))?;
    upcast_with(UPCASTERS, kind, version..current, payload)
}

fn upcast_with(
    steps: &[Upcaster],
    kind: u16,
    versions: std::ops::Range<u16>,
    payload: Value,
) -> Result<Value, String> {
    versions.into_iter().try_fold(payload, |payload, from| {
        let step = steps.iter().find(|step| step.kind == kind && step.from == from);
        let step = step.ok_or_else(|| format!("nothing reads version {from} of kind {kind}"))?;
        (step.step)(payload)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add_field(payload: Value) -> Result<Value, String> {
        let Value::Map(mut fields) = payload else { return Err("not a map".to_owned()) };
        fields.push(("added".into(), Value::from(fields.len())));
        Ok(Value::Map(fields))
    }

    const STEPS: &[Upcaster] =
        &[Upcaster { kind: 9, from: 1, step: add_field }, Upcaster { kind: 9, from: 2, step: add_field }];

    #[test]
    fn steps_are_taken_one_after_the_other() {
        let old = Value::Map(vec![]);
        let new = upcast_with(STEPS, 9, 1..3, old).expect("two steps");
        assert_eq!(new.as_map().map(Vec::len), Some(2));
    }

    #[test]
    fn a_missing_step_is_an_error_that_names_it() {
        let error = upcast_with(STEPS, 9, 1..4, Value::Map(vec![])).expect_err("no step 3");
        assert_eq!(error, "nothing reads version 3 of kind 9");
    }

    #[test]
    fn a_kind_or_version_of_the_future_is_not_readable() {
        assert!(readable(20, 1));
        assert!(!readable(20, 99));
        assert!(!readable(20, 0));
        assert!(!readable(999, 1));
    }
}
