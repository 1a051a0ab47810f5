//! Good and broken certificates: what we say to each, beside what openssl says.

mod cases;
mod chain;

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use cases::{CASES, Case};
use chain::Chain;
use torsade::tls::{Certificate, ClientTls, Revocation, TlsError, Trust};

use crate::support::peer::{find, temp_dir};

/// Our verdict: the name of the error, or `ok`.
fn ours(chain: &Chain) -> (String, String) {
    let mut client = ClientTls::builder().trust(Trust::none().roots_from_pem(chain.roots.as_str()));
    if !chain.lists.is_empty() {
        client = client.revocation(Revocation::lists_from_pem(chain.lists.as_str()));
    }
    let verifier = client.verifier().unwrap();
    let shown = Certificate::from_pem(chain.shown.concat()).unwrap();
    match verifier
        .verify(&shown, chain.host, SystemTime::now())
        .unwrap()
    {
        Ok(()) => ("ok".to_owned(), String::new()),
        Err(error) => {
            assert_eq!(
                (error.peer(), error.certificates()),
                (chain.host, &shown[..])
            );
            assert!(!error.help().is_empty());
            (variant(&error), error.to_string())
        }
    }
}

fn variant(error: &TlsError) -> String {
    let text = format!("{error:?}");
    text.split([' ', '{']).next().unwrap().to_owned()
}

/// The number of the first error that openssl finds; 0 if it finds none.
fn openssl(chain: &Chain) -> (u32, String) {
    let dir = temp_dir();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("roots.pem"), &chain.roots).unwrap();
    fs::write(path("leaf.pem"), &chain.shown[0]).unwrap();
    fs::write(path("others.pem"), chain.shown[1..].concat()).unwrap();
    let mut command = Command::new("openssl");
    command
        .args([
            "verify",
            "-purpose",
            "sslserver",
            "-no-CApath",
            "-no-CAstore",
            "-auth_level",
            "2",
        ])
        .arg("-CAfile")
        .arg(path("roots.pem"));
    if chain.shown.len() > 1 {
        command.arg("-untrusted").arg(path("others.pem"));
    }
    if !chain.lists.is_empty() {
        fs::write(path("lists.pem"), &chain.lists).unwrap();
        command
            .arg("-crl_check_all")
            .arg("-CRLfile")
            .arg(path("lists.pem"));
    }
    if chain.host.parse::<std::net::IpAddr>().is_ok() {
        command.args(["-verify_ip", chain.host]);
    } else {
        // It does not convert names.
        let host = chain.host.replace("bücher", "xn--bcher-kva");
        command.args(["-verify_hostname", &host]);
    }
    let told = command.arg(path("leaf.pem")).output().unwrap();
    let text = String::from_utf8_lossy(&told.stderr).into_owned();
    let number = text
        .lines()
        .find_map(|line| line.strip_prefix("error ")?.split(' ').next()?.parse().ok());
    assert_eq!(number.is_none(), told.status.success(), "{text}");
    (number.unwrap_or(0), text)
}

fn check(case: &Case) -> Result<(), String> {
    let chain = (case.make)();
    let (ours, words) = ours(&chain);
    if ours != case.ours {
        return Err(format!("{}: we say {ours} ({words})", case.what));
    }
    let (theirs, words) = openssl(&chain);
    if theirs != case.openssl {
        return Err(format!("{}: openssl says {theirs} ({words})", case.what));
    }
    // Two that accept what the other refuses have to have a reason.
    if ((ours == "ok") != (theirs == 0)) != case.difference.is_some() {
        return Err(format!(
            "{}: {ours} here, {theirs} there, unexplained",
            case.what
        ));
    }
    Ok(())
}

// R80, R82, R83, R87
#[test]
fn each_way_to_be_wrong_has_its_error_and_openssl_agrees_or_we_know_why() {
    if find("openssl").is_none() {
        return;
    }
    let wrong: Vec<String> = CASES.iter().filter_map(|case| check(case).err()).collect();
    let differing = CASES
        .iter()
        .filter(|case| case.difference.is_some())
        .count();
    println!(
        "certificates: {} cases, {differing} on which openssl differs",
        CASES.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
