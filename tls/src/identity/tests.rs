use super::*;
use crate::testing::{Authority, Leaf};

fn certificates(pem: &[&str]) -> Vec<Certificate> {
    Certificate::from_pem(pem.concat()).unwrap()
}

// C146
#[test]
fn a_key_belongs_to_its_certificate_or_there_is_no_identity() {
    let authority = Authority::new("Test CA");
    let (leaf, other) = (authority.issue(&["me"]), authority.issue(&["me"]));
    let own = PrivateCertificate::from_pem(leaf.chain.as_str(), leaf.key.as_str()).unwrap();
    assert_eq!(own.certificate().names(), ["me"]);
    assert_eq!(
        own.key_pair().hash(),
        Some(own.certificate().public_key().hash())
    );
    assert_eq!(own.chain_pem(), leaf.chain.replace("\r\n", "\n"));
    assert!(!format!("{own:?} {:?}", own.key_pair()).contains("PRIVATE"));
    let error = PrivateCertificate::from_pem(leaf.chain, other.key).unwrap_err();
    assert!(matches!(error, ConfigError::KeyMismatch));
}

#[test]
fn a_chain_is_in_the_order_of_its_issuers() {
    let root = Authority::new("Root");
    let upper = root.authority("Upper", |_| {});
    let lower = upper.authority("Lower", |_| {});
    let Leaf {
        chain: leaf, key, ..
    } = lower.issue(&["me"]);
    let key = || KeyPair::from_pem(key.as_str()).unwrap();
    let with = |pem: &[&str]| PrivateCertificate::new(certificates(pem), key());
    let order = |pem: &[&str]| match with(pem).unwrap_err() {
        ConfigError::ChainOrder { order } => order,
        error => panic!("{error}"),
    };

    assert_eq!(
        with(&[&leaf, &lower.pem, &upper.pem])
            .unwrap()
            .chain()
            .len(),
        3
    );
    assert!(with(&[&leaf, &lower.pem, &upper.pem, &root.pem]).is_ok());
    assert_eq!(order(&[&lower.pem, &leaf]), [2, 1]);
    assert_eq!(order(&[&leaf, &upper.pem, &lower.pem]), [1, 3, 2]);
    assert_eq!(
        order(&[&root.pem, &upper.pem, &lower.pem, &leaf]),
        [4, 3, 2, 1]
    );
    let error = with(&[&lower.pem, &leaf]).unwrap_err().to_string();
    assert!(error.contains("2, 1"), "{error}");
    // More than is needed harms nobody.
    assert!(with(&[&leaf, &root.pem]).is_ok());
    assert!(with(&[&leaf, &lower.pem, &leaf]).is_ok());
    assert!(matches!(with(&[&root.pem]), Err(ConfigError::KeyMismatch)));
}

#[test]
fn der_is_read_like_pem() {
    let leaf = Authority::new("Test CA").issue(&["me"]);
    let key = KeyPair::from_pem(leaf.key.as_str()).unwrap();
    let der = key.secret_der().to_vec();
    let own = PrivateCertificate::from_pem(leaf.der, der).unwrap();
    assert_eq!(own.key_pair().to_pem(), leaf.key.replace("\r\n", "\n"));
}

#[cfg(feature = "generate")]
mod generated {
    use super::*;
    use crate::testing::Pair;
    use crate::{ClientTls, ServerTls};

    #[test]
    fn an_own_authority_is_enough_for_a_handshake_both_ways() {
        let root = generate::Authority::new("Root");
        let below = root.intermediate("Below");
        let (server, client) = (below.issue(["localhost"]), root.issue(["somebody"]));
        let server = ServerTls::builder()
            .certificate(server)
            .require_client_certificates(root.trust());
        let client = ClientTls::builder().trust(root.trust()).certificate(client);
        let pair = Pair::shake_hands(client, server);
        pair.assert_ready();
        let shown = &pair.client.filter.info().unwrap().peer_certificates;
        assert_eq!(shown.len(), 2);
        assert_eq!(
            pair.server.filter.info().unwrap().peer_certificates[0].names(),
            ["somebody"]
        );
    }

    #[test]
    fn what_vouches_for_itself_is_trusted_itself() {
        let own = generate::self_signed(["localhost", "127.0.0.1"]);
        let trust = crate::Trust::none().certificates([own.certificate().clone()]);
        let client = ClientTls::builder().trust(trust);
        Pair::shake_hands(client, ServerTls::builder().certificate(own)).assert_ready();
    }

    #[test]
    fn a_request_is_made_for_a_new_key() {
        let key = generate::key_pair();
        let request = generate::signing_request(&key, ["example.com"]).unwrap();
        assert!(request.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
        assert!(matches!(
            generate::signing_request(&key, ["exämple"]),
            Err(ConfigError::BadServerName(_))
        ));
    }
}
