//! Properties of every value, every text and every way of delivery.

use super::*;
use proptest::prelude::*;
use std::sync::Arc;

/// Values as people have them, and as they should not: quotes, controls, NUL, several lines, not ASCII.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9+/=_-]{4,80}",
        "[ -~]{4,60}",
        "[a-c\\x00-\\x1f\"'\\\\é€😀]{4,40}",
        "([!-~]{1,30}\\r?\\n){1,6}",
    ]
    .prop_filter("blanks are no value", |value| value.chars().any(|c| !c.is_whitespace() && !c.is_control()))
}

fn around() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof!["[ -~\\n]{0,80}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..80)]
}

fn finds(text: &[u8], piece: &[u8]) -> bool {
    text.windows(piece.len()).any(|window| window == piece)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_form_of_a_value_is_left_in_any_text(values in prop::collection::vec(value(), 1..4), before in around(), behind in around(), pick in any::<prop::sample::Index>()) {
        let masker = Masker::new(values.iter().map(String::as_str));
        // A value that is too short to be masked has no forms.
        prop_assume!(!masker.forms.is_empty());
        let form = &masker.forms[pick.index(masker.forms.len())];
        let text = [&before[..], form, &behind].concat();
        let masked = masker.bytes(&text);
        // A form that occurs in the mask itself is not a secret.
        prop_assume!(!finds(MASKED, form) && !finds(form, b"*"));
        prop_assert!(!finds(&masked, form), "{:?} in {:?}", String::from_utf8_lossy(form), String::from_utf8_lossy(&masked));
    }

    #[test]
    fn chunks_show_no_more_than_the_whole(values in prop::collection::vec(value(), 1..3), texts in prop::collection::vec(around(), 1..6), sizes in prop::collection::vec(1usize..40, 1..8), pick in any::<prop::sample::Index>()) {
        let masker = Arc::new(Masker::new(values.iter().map(String::as_str)));
        prop_assume!(!masker.forms.is_empty());
        let form = masker.forms[pick.index(masker.forms.len())].clone();
        prop_assume!(!finds(&form, b"*"));
        let text = texts.join(&form[..]);
        let mut lines = Lines::new(Arc::clone(&masker));
        let (mut out, mut rest) = (Vec::new(), &text[..]);
        for size in sizes.iter().cycle() {
            let (chunk, behind) = rest.split_at((*size).min(rest.len()));
            out.extend(lines.push(chunk));
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        out.extend(lines.finish());
        let out = out.join("\n");
        if texts.len() > 1 && !form.contains(&b'\r') {
            prop_assert!(!finds(out.as_bytes(), &form), "{:?} in {out:?}", String::from_utf8_lossy(&form));
        }
    }

    #[test]
    fn text_without_a_value_stays_as_it_is(value in "[A-Z]{4,40}", text in "[a-z0-9 \\n]{0,300}") {
        prop_assert_eq!(Masker::new([value.as_str()]).text(&text), text);
    }

    #[test]
    fn masking_twice_is_masking_once(value in value(), before in around(), behind in around()) {
        let masker = Masker::new([value.as_str()]);
        prop_assume!(!value.contains('*'));
        let once = masker.bytes(&[&before[..], value.as_bytes(), &behind].concat());
        prop_assert_eq!(String::from_utf8_lossy(&masker.bytes(&once)).into_owned(), String::from_utf8_lossy(&once).into_owned());
    }
}
