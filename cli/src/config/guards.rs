//! What must be agreed to before a target is touched: known from the file alone, whatever becomes of its values.

use super::{ConfigFile, Named};

/// What stands before a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The target.
    pub named: Named,
    /// Whether it is changed only after its app was typed.
    pub protected: bool,
    /// The server that it is for; none for this machine.
    pub server: Option<String>,
}

impl ConfigFile {
    /// Guards of these targets, in file order.
    pub fn guards(&self, wanted: &[Named]) -> Vec<Guard> {
        let all = self.targets.iter().zip(self.names());
        let all = all.filter(|(_, named)| wanted.contains(named)).map(|((_, part), named)| Guard {
            named,
            protected: self.protected(part),
            server: part.server.as_ref().map(|server| server.value.clone()),
        });
        all.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::ConfigFile;
    use super::super::formats::Format;

    #[test]
    fn a_value_that_is_not_there_opens_no_gate() {
        let text = "name: shop\nimage: shop:v1\ntargets:\n  live:\n    protected: true\n    server: shop.example\n    \
                    env: [{name: K, from: {env: NOWHERE_SET}}]\n  data: {preset: database}\n  test: {}\n";
        let file =
            ConfigFile::parse("haloy.yaml".into(), text.to_owned(), Format::Yaml, true).expect("reads");
        let guards = file.guards(&file.names());
        let protected: Vec<bool> = guards.iter().map(|guard| guard.protected).collect();
        assert_eq!(protected, [true, true, false]);
        assert_eq!(guards[0].server.as_deref(), Some("shop.example"));
        assert!(file.resolve(&file.names()).is_err(), "its values are another matter");
    }
}
