//! What an image says of itself, as far as it may stand in hashed bytes: an image's author can write
//! anything into a label, a token in an address too, and the log is for ever.

/// Longest value that is kept, in bytes.
const MAX: usize = 200;

fn kept(text: &str, allowed: impl Fn(char) -> bool) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= MAX && text.chars().all(allowed)).then(|| text.to_owned())
}

/// When the image was made: digits and what stands between them in RFC 3339.
pub fn created(text: &str) -> Option<String> {
    kept(text, |c| c.is_ascii_digit() || "TZ:+-.".contains(c))
}

/// `org.opencontainers.image.revision`: the id of a commit, a tag or a branch.
pub fn revision(text: &str) -> Option<String> {
    kept(text, |c| c.is_ascii_alphanumeric() || "._-/+".contains(c))
}

/// `org.opencontainers.image.source`: an address on the web. An address that names a user (and then perhaps a
/// password) or carries a query is left out.
pub fn source(text: &str) -> Option<String> {
    let address = kept(text, |c| c.is_ascii_graphic())?;
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    (!rest.contains(['@', '?', '#'])).then_some(address.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_labels_are_kept_as_they_are() {
        assert_eq!(revision("1f2e3d4c").as_deref(), Some("1f2e3d4c"));
        assert_eq!(source("https://github.com/acme/shop").as_deref(), Some("https://github.com/acme/shop"));
        assert_eq!(created("2026-11-26T09:44:00.5+01:00").as_deref(), Some("2026-11-26T09:44:00.5+01:00"));
    }

    #[test]
    fn text_and_secrets_in_labels_are_left_out() {
        assert_eq!(revision("built by Jane Doe"), None);
        assert_eq!(revision("\u{1b}[2J"), None);
        assert_eq!(source("https://jane:token@github.com/acme/shop"), None);
        assert_eq!(source("https://github.com/acme/shop?token=abc"), None);
        assert_eq!(source("ask Jane"), None);
        assert_eq!(created("yesterday"), None);
        assert_eq!(revision(&"a".repeat(500)), None);
    }
}
