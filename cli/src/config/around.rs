//! What surrounds a target while it is resolved: the folder of the file, where values come from, named images.

use super::parts::ImagePart;
use super::values::Sources;
use std::path::Path;

/// What a target is resolved with.
pub struct Surroundings<'a> {
    /// Folder of the file, variables and secret providers.
    pub sources: Sources<'a>,
    /// Named images.
    pub images: &'a [(String, ImagePart)],
    /// What is looked for.
    pub look: Look,
}

/// What is looked for in a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Everything: the target is to be used.
    Whole,
    /// Mistakes in a file that has some: rules that tie keys together would find the same again elsewhere.
    Incomplete,
    /// The same, and values are not asked for: the command may need none.
    WithoutValues,
}

impl Surroundings<'_> {
    /// Whether the target is to be used.
    pub fn whole(&self) -> bool {
        self.look == Look::Whole
    }

    /// Folder of the file.
    pub fn folder(&self) -> &Path {
        self.sources.folder
    }

    /// Where values come from; none where they are not asked for.
    pub fn sources(&self) -> Option<&Sources<'_>> {
        (self.look != Look::WithoutValues).then_some(&self.sources)
    }
}
