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
    /// Extent of the check.
    pub look: Look,
}

/// What is resolved in a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Everything: the target will be used.
    Whole,
    /// Mistakes in a file that has some: rules that tie keys together would find the same again elsewhere.
    Incomplete,
    /// The same, without values: the command may need none.
    WithoutValues,
}

impl Surroundings<'_> {
    /// Whether the target will be used.
    pub fn whole(&self) -> bool {
        self.look == Look::Whole
    }

    /// Folder of the file.
    pub fn folder(&self) -> &Path {
        self.sources.folder
    }

    /// Sources of values; none where values are not resolved.
    pub fn sources(&self) -> Option<&Sources<'_>> {
        (self.look != Look::WithoutValues).then_some(&self.sources)
    }
}
