//! Files that are put in place whole.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// Who may read a new file.
#[derive(Clone, Copy)]
pub(crate) enum Readers {
    /// Its owner: it holds secrets.
    #[cfg(feature = "cookies")]
    Owner,
    /// Whom the process gives all that it makes (its umask).
    AsUsual,
}

/// A new file beside `path`, as only within a file system it can be put in place at once. It is
/// removed when it is dropped before that ([`NamedTempFile::persist`]).
pub(crate) fn beside(path: &Path, readers: Readers) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mode = match readers {
        #[cfg(feature = "cookies")]
        Readers::Owner => 0o600,
        Readers::AsUsual => 0o666,
    };
    let mut prefix = path.file_name().unwrap_or_default().to_owned();
    prefix.push(".");
    Builder::new()
        .prefix(&prefix)
        .suffix(".new")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
}
