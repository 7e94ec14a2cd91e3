//! Globs: `*` is any text, `?` any one character, every other character is itself. Rules of `.dockerignore`, which
//! are another language (`executors/src/docker/context/ignore.rs`), become regular expressions in the same way.

use regex::RegexBuilder;

/// Whether `text` matches `pattern` as a whole.
pub fn matches(pattern: &str, text: &str) -> bool {
    let plain = regex::escape(pattern);
    let expression = format!("^{}$", plain.replace(r"\*", ".*").replace(r"\?", "."));
    // One that is too large has tens of thousands of wildcards, more than a name or a tag has characters.
    let built = RegexBuilder::new(&expression).dot_matches_new_line(true).build();
    built.is_ok_and(|built| built.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::matches;

    fn all(cases: &[(&str, &str, bool)]) {
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), *expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn stars_and_question_marks() {
        all(&[
            ("v*", "v1.2.3", true),
            ("v*", "1.2.3", false),
            ("*-eu", "prod-eu", true),
            ("v?.*.0", "v1.22.0", true),
            ("v?.*.0", "v1.22.1", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("?", "", false),
            ("?*", "", false),
            ("a*b*c", "a-b-b-c", true),
            ("a**c", "a-c", true),
            ("a*a", "a", false),
        ]);
    }

    #[test]
    fn a_character_of_any_length_is_one_and_a_slash_or_a_line_end_is_nothing_special() {
        all(&[
            ("?", "ü", true),
            ("??", "ü", false),
            ("*ü", "grün", false),
            ("gr*n", "grün", true),
            ("a*d", "a/b/c/d", true),
            ("a?b", "a/b", true),
            ("a*b", "a\nb", true),
            ("a?b", "a\nb", true),
            ("a", "a\n", false),
            ("a", "A", false),
        ]);
    }

    #[test]
    fn what_is_special_elsewhere_is_itself() {
        for text in ["v1.2", "[ab]", "{a,b}", "a+b", "(a|b)", "^a$", r"\d", r"\", "!a", "#a b", "~", "a-b&&c"]
        {
            assert!(matches(text, text), "{text}");
        }
        all(&[
            ("v1.2", "v1x2", false),
            ("[ab]", "a", false),
            ("{a,b}", "a", false),
            ("a|b", "a", false),
            (r"\d", "1", false),
            (r"\*", r"\anything", true),
            (r"\*", "*", false),
            (r"\?", r"\x", true),
            (r"\\*", r"\\x", true),
        ]);
    }
}
