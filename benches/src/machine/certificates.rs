//! A throw-away authority and the certificate of a server, for one run.

use std::fs;
use std::path::Path;

use torsade_tls::generate::Authority;

use super::Result;

/// Writes `ca.pem`, `leaf.pem` and `leaf.key` (ECDSA on P-256), unless they are there.
pub fn make_certificates(folder: &Path) -> Result<()> {
    if folder.join("leaf.key").exists() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    let authority = Authority::new("torsade-benches");
    let own = authority.issue(["localhost", "127.0.0.1"]);
    fs::write(folder.join("ca.pem"), authority.certificate().to_pem())?;
    fs::write(folder.join("leaf.pem"), own.chain_pem())?;
    fs::write(folder.join("leaf.key"), own.key_pair().to_pem())?;
    Ok(())
}
