//! Credentials that are recognized by what stands around them: registries and proxies repeat headers and
//! addresses that they were sent, with tokens that no configuration names.

/// Fewest characters of a token; shorter words behind "basic" are words.
const SHORTEST: usize = 8;

/// Where credentials of headers (`Authorization: Bearer ...`) and of addresses (`https://user:...@host`) lie.
pub fn credentials(text: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for at in 0..text.len() {
        match text[at] {
            b'b' | b'B' => found.extend(header(text, at)),
            b':' => found.extend(address(text, at)),
            _other => {}
        }
    }
    found
}

fn header(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let scheme = ["bearer ", "basic "];
    let scheme = scheme.iter().find(|scheme| {
        text.get(at..at + scheme.len()).is_some_and(|here| here.eq_ignore_ascii_case(scheme.as_bytes()))
    })?;
    let start = at + scheme.len();
    let token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    let length = text[start..].iter().take_while(token).count();
    let token = &text[start..start + length];
    // A token is not a word: "basic authentication" stays.
    let strange = token.iter().skip(1).any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    (length >= SHORTEST && strange).then_some((start, start + length))
}

fn address(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let start = at + 3;
    if text.get(at..start)? != b"://" {
        return None;
    }
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/\"'<>?#".contains(byte);
    let length = text[start..].iter().position(ends).unwrap_or(text.len() - start);
    let authority = &text[start..start + length];
    let host = authority.iter().rposition(|byte| *byte == b'@')?;
    let password = authority[..host].iter().position(|byte| *byte == b':')? + 1;
    (password < host).then_some((start + password, start + host))
}

#[cfg(test)]
mod tests {
    use crate::mask::Masker;

    #[test]
    fn headers_and_addresses_lose_their_credentials_and_words_stay() {
        let masker = Masker::default();
        for (text, masked) in [
            ("authorization: Bearer eyJhbGciOi.J9-x_~", "authorization: Bearer ***"),
            ("Authorization: Basic dXNlcjpwYXNzd29yZA==, then", "Authorization: Basic ***, then"),
            ("get https://user:pass@word@host/path", "get https://user:***@host/path"),
            (
                "no basic auth credentials, basic authentication",
                "no basic auth credentials, basic authentication",
            ),
            ("https://host:8080/a@b and user@host", "https://host:8080/a@b and user@host"),
        ] {
            assert_eq!(masker.text(text), masked, "{text}");
        }
    }
}
