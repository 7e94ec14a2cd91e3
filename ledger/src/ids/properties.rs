//! What holds of every id, whatever text it is read from.

use super::*;
use proptest::prelude::*;

/// Texts that people and programs should not send, and do.
pub(crate) const HOSTILE: [&str; 14] = [
    "",
    " ",
    "\0",
    "a\0b",
    "\u{feff}app",
    "app\u{feff}",
    "\u{202e}ppa",
    "a\u{200b}b",
    "\u{1b}[31mred\u{1b}[0m",
    "a\r\nb",
    "\u{7f}",
    "\u{1f680}\u{1f469}\u{200d}\u{1f692}",
    "e\u{301}\u{301}\u{301}",
    "../../etc/passwd",
];

/// Any text, and often one of those.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<String>(),
        2 => "[a-zA-Z0-9_.:/@-]{0,80}",
        2 => proptest::sample::select(HOSTILE.to_vec()).prop_map(str::to_owned),
    ]
}

pub(crate) fn config() -> ProptestConfig {
    // A failing case is printed; no file of it is left in the tree.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// What is refused is named so that it can be printed: short, on one line, and without control characters.
fn printable(error: &InvalidId) -> Result<(), TestCaseError> {
    let told = error.to_string();
    prop_assert!(told.len() < 400, "{} bytes", told.len());
    let plain = |c: char| {
        !c.is_control() && !matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
    };
    prop_assert!(told.chars().all(plain), "{told:?}");
    Ok(())
}

fn target() -> impl Strategy<Value = StreamId> {
    // Short ones are often the beginning of each other.
    let name = || prop_oneof!["[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}", "a{1,3}"];
    (name(), name()).prop_map(|(app, target)| {
        let (app, target) = (AppName::new(app).expect("a name"), TargetName::new(target).expect("a name"));
        StreamId::Target(TargetKey { app, target })
    })
}

pub(crate) fn stream() -> impl Strategy<Value = StreamId> {
    let of_a_newer = "[a-z][a-z0-9_-]{0,8}:[!-~]{1,40}".prop_filter_map("known", |name| {
        StreamId::try_from(name).ok().filter(|stream| matches!(stream, StreamId::Newer(_)))
    });
    let plain = [
        StreamId::Ledger,
        StreamId::Edge,
        StreamId::Access,
        StreamId::Fleet,
        StreamId::Witness,
        StreamId::Governance,
    ];
    prop_oneof![1 => proptest::sample::select(plain.to_vec()), 2 => target(), 1 => of_a_newer]
}

pub(crate) fn deployment() -> impl Strategy<Value = DeploymentId> {
    (0_u64..1 << 48, any::<u128>()).prop_map(|(ms, random)| DeploymentId::from_parts(ms, random))
}

macro_rules! reads_back {
    ($text:expr, $type:ty) => {
        match <$type>::try_from($text.clone()) {
            Ok(id) => {
                prop_assert_eq!(&id.to_string(), &$text);
                let bytes = rmp_serde::to_vec_named(&id).expect("text");
                prop_assert_eq!(rmp_serde::from_slice::<$type>(&bytes).expect("read back"), id);
            }
            Err(error) => printable(&error)?,
        }
    };
}

/// Long ids are refused as fast, and reported as briefly; nothing is kept of a text that is not an id.
#[test]
fn very_long_texts_are_refused_in_a_few_words() {
    for text in HOSTILE.iter().chain(&["a", "a/", "target:a/b", "sha256:"]) {
        let long = text.repeat(100_000 / text.len().max(1));
        let refused: [Result<String, InvalidId>; 6] = [
            AppName::new(long.as_str()).map(String::from),
            TargetName::new(long.as_str()).map(String::from),
            ReleaseName::new(long.as_str()).map(String::from),
            Digest::new(long.as_str()).map(String::from),
            ImageRef::new(long.as_str()).map(String::from),
            StreamId::try_from(long.clone()).map(String::from),
        ];
        for refused in refused {
            let error = refused.expect_err("no id is as long");
            assert!(printable(&error).is_ok(), "{} bytes", error.to_string().len());
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn names_and_references_are_what_was_written_or_are_refused(text in text()) {
        reads_back!(text, AppName);
        reads_back!(text, TargetName);
        reads_back!(text, ReleaseName);
        reads_back!(text, Digest);
        reads_back!(text, ImageRef);
        match text.parse::<EffectId>() {
            Ok(effect) => prop_assert_eq!(effect.to_string().parse(), Ok(effect)),
            Err(error) => printable(&error)?,
        }
        reads_back!(text, StreamId);
    }

    #[test]
    fn a_name_is_safe_in_a_path_a_label_and_a_terminal(text in text()) {
        let safe = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= 500;
        if let Ok(name) = AppName::new(text.clone()) {
            prop_assert!(safe(name.as_str()) && !name.as_str().contains(['/', '.']));
        }
        if let Ok(name) = ReleaseName::new(text.clone()) {
            prop_assert!(safe(name.as_str()) && !name.as_str().contains('/'));
        }
        match ImageRef::new(text.clone()) {
            Ok(image) => prop_assert!(safe(image.as_str()), "{:?}", image.as_str()),
            Err(error) => printable(&error)?,
        }
    }

    #[test]
    fn a_slug_is_a_slug_already(text in text()) {
        let slug = slug(&text);
        prop_assert_eq!(super::slug(&slug), slug.clone());
        prop_assert!(slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        prop_assert!(!slug.starts_with('-') && !slug.ends_with('-') && !slug.contains("--"));
    }

    #[test]
    fn the_parts_of_a_reference_make_it_again(
        repository in "([a-z0-9.-]{1,20}(:[0-9]{1,5})?/)?[a-z0-9._-]{1,30}(/[a-z0-9._-]{1,30}){0,2}",
        tag in proptest::option::of("[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,40}"),
        digest in proptest::option::of("[a-f0-9]{64}"),
    ) {
        let mut text = repository.clone();
        text.extend(tag.iter().flat_map(|tag| [":", tag]));
        text.extend(digest.iter().flat_map(|hex| ["@sha256:", hex]));
        let image = ImageRef::new(text.clone()).expect("well formed");
        prop_assert_eq!(image.repository(), repository);
        prop_assert_eq!(image.tag(), tag.as_deref());
        let hex = image.digest().map(|digest| digest.as_str()[7..].to_owned());
        prop_assert_eq!(hex, digest);
    }

    #[test]
    fn streams_deployments_and_effects_read_back(
        stream in stream(),
        id in deployment(),
        number in proptest::sample::select(EffectNumber::ALL.to_vec()),
        subject in text(),
    ) {
        prop_assert_eq!(StreamId::try_from(stream.to_string()), Ok(stream));
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(id.to_string().to_ascii_uppercase().parse(), Ok(id));
        let effect = EffectId { deployment: id, number, subject };
        prop_assert_eq!(effect.to_string().parse(), Ok(effect));
    }
}
