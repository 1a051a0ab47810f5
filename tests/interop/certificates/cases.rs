//! The ways in which a chain can be good or wrong, with what is to be said about each.

use rcgen::{
    BasicConstraints, CidrSubnet, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair,
    KeyUsagePurpose, NameConstraints, SanType, SerialNumber, date_time_ymd,
};

use super::chain::{
    Authority, Chain, HOST, Special, expired, forged, future, named, names, nothing, self_signed,
    unknown_extension,
};

/// One chain, and the verdicts.
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) make: fn() -> Chain,
    /// The variant of `TlsError`, or `ok`.
    pub(crate) ours: &'static str,
    /// The number of openssl's error; 0 is ok.
    pub(crate) openssl: u32,
    /// Why one accepts what the other does not.
    pub(crate) difference: Option<&'static str>,
}

const fn case(what: &'static str, make: fn() -> Chain, ours: &'static str, openssl: u32) -> Case {
    Case {
        what,
        make,
        ours,
        openssl,
        difference: None,
    }
}

impl Case {
    const fn differs(mut self, why: &'static str) -> Self {
        self.difference = Some(why);
        self
    }
}

/// A leaf right below the root.
fn leaf(special: Special) -> Chain {
    let root = Authority::root(nothing);
    let leaf = root.leaf(special);
    Chain::of(&root, [leaf])
}

/// A leaf below one authority below the root.
fn below(authority: Special) -> Chain {
    let root = Authority::root(nothing);
    let below = root.below("Below", authority);
    Chain::of(&root, [below.leaf(nothing), below.pem])
}

fn with_key(algorithm: &'static rcgen::SignatureAlgorithm) -> Chain {
    let root = Authority::root(nothing);
    let leaf = root.leaf_with(&KeyPair::generate_for(algorithm).unwrap());
    Chain::of(&root, [leaf])
}

fn permit(params: &mut rcgen::CertificateParams, domain: &str) {
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
        excluded_subtrees: Vec::new(),
    });
}

fn exclude(params: &mut rcgen::CertificateParams, tree: GeneralSubtree) {
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: Vec::new(),
        excluded_subtrees: vec![tree],
    });
}

fn numbered(params: &mut rcgen::CertificateParams) {
    params.serial_number = Some(SerialNumber::from(8));
}

/// A chain with lists of both authorities; `revoked` are the numbers on the lower one's.
fn listed(root_revokes: &[u64], below_revokes: &[u64], next_update: time::OffsetDateTime) -> Chain {
    let root = Authority::root(nothing);
    let below = root.below("Below", |params| {
        params.serial_number = Some(SerialNumber::from(7));
    });
    let lists = [
        root.list(root_revokes, next_update),
        below.list(below_revokes, next_update),
    ];
    Chain::of(&root, [below.leaf(numbered), below.pem]).lists(lists)
}

fn later() -> time::OffsetDateTime {
    date_time_ymd(2099, 1, 1)
}

pub(crate) const CASES: [Case; 71] = [
    // Good ones.
    case("a leaf below the root", || leaf(nothing), "ok", 0),
    case(
        "a leaf below an authority below the root",
        || below(nothing),
        "ok",
        0,
    ),
    case(
        "three authorities",
        || {
            let root = Authority::root(nothing);
            let upper = root.below("Upper", nothing);
            let lower = upper.below("Lower", nothing);
            Chain::of(&root, [lower.leaf(nothing), lower.pem, upper.pem])
        },
        "ok",
        0,
    ),
    case(
        "a wildcard",
        || leaf(|params| names(params, &["*.host.test"])),
        "ok",
        0,
    ),
    case(
        "names in capitals",
        || leaf(|params| names(params, &["WWW.Host.TEST"])),
        "ok",
        0,
    ),
    case(
        "an international name",
        || leaf(|params| names(params, &["xn--bcher-kva.test"])).to("bücher.test"),
        "ok",
        0,
    ),
    case("a thousand names", || leaf(thousand), "ok", 0),
    case(
        "an IPv4 address",
        || leaf(addresses).to("127.0.0.1"),
        "ok",
        0,
    ),
    case("an IPv6 address", || leaf(addresses).to("::1"), "ok", 0),
    case(
        "no common name",
        || leaf(|params| params.distinguished_name = rcgen::DistinguishedName::new()),
        "ok",
        0,
    ),
    case(
        "a key on P-384",
        || with_key(&rcgen::PKCS_ECDSA_P384_SHA384),
        "ok",
        0,
    ),
    case(
        "a key on P-521",
        || with_key(&rcgen::PKCS_ECDSA_P521_SHA512),
        "ok",
        0,
    ),
    case("an Ed25519 key", || with_key(&rcgen::PKCS_ED25519), "ok", 0),
    case(
        "an RSA key of 2048 bits",
        || weak(&["-newkey", "rsa:2048"], "-sha256"),
        "ok",
        0,
    ),
    case(
        "no extended usage",
        || leaf(|params| params.extended_key_usages.clear()),
        "ok",
        0,
    ),
    case(
        "no usage at all",
        || leaf(|params| params.key_usages.clear()),
        "ok",
        0,
    ),
    case(
        "an authority that may have none below it",
        || below(|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))),
        "ok",
        0,
    ),
    case(
        "an authority for our domain",
        || below(|params| permit(params, "host.test")),
        "ok",
        0,
    ),
    case(
        "an authority for all but another domain",
        || below(|params| exclude(params, GeneralSubtree::DnsName("other.test".into()))),
        "ok",
        0,
    ),
    case(
        "an unknown extension that may be passed over",
        || leaf(|params| unknown_extension(params, false)),
        "ok",
        0,
    ),
    case(
        "the authorities in reverse",
        || {
            let root = Authority::root(nothing);
            let upper = root.below("Upper", nothing);
            let lower = upper.below("Lower", nothing);
            Chain::of(&root, [lower.leaf(nothing), upper.pem, lower.pem])
        },
        "ok",
        0,
    ),
    case(
        "an authority that has nothing to do with it",
        || {
            let mut chain = below(nothing);
            chain.shown.insert(1, Authority::root(nothing).pem);
            chain
        },
        "ok",
        0,
    ),
    case(
        "an old certificate of the authority beside a good one",
        || {
            let root = Authority::root(nothing);
            let below = root.below("Below", nothing);
            let old = root.again(&below, expired);
            Chain::of(&root, [below.leaf(nothing), old, below.pem])
        },
        "ok",
        0,
    ),
    case(
        "a list on which it is not",
        || listed(&[], &[9], later()),
        "ok",
        0,
    ),
    // Times.
    case("expired", || leaf(expired), "Expired", 10),
    case("not valid yet", || leaf(future), "NotYetValid", 9),
    case("an expired authority", || below(expired), "Expired", 10),
    case(
        "an authority that is not valid yet",
        || below(future),
        "NotYetValid",
        9,
    ),
    case(
        "an expired root",
        || {
            let root = Authority::root(expired);
            let leaf = root.leaf(nothing);
            Chain::of(&root, [leaf])
        },
        "ok",
        10,
    )
    .differs("what is trusted is the root's key and name (RFC 5280, 6.1.1 d), not its dates"),
    case(
        "valid until before it is valid",
        || {
            leaf(|params| {
                params.not_before = date_time_ymd(2030, 1, 1);
                params.not_after = date_time_ymd(2025, 1, 1);
            })
        },
        "Expired",
        9,
    ),
    // Names.
    case(
        "another name",
        || leaf(|params| names(params, &["other.test"])),
        "WrongName",
        62,
    ),
    case(
        "no name",
        || leaf(|params| params.subject_alt_names.clear()),
        "WrongName",
        62,
    ),
    case(
        "the name as common name only",
        || leaf(common_name),
        "WrongName",
        0,
    )
    .differs("the common name does not count (RFC 9525, 2); openssl still looks at it"),
    case(
        "an address as common name only",
        || leaf(common_address).to("127.0.0.1"),
        "WrongName",
        64,
    ),
    case(
        "an address written as a name",
        || leaf(|params| names(params, &["127.0.0.1"])).to("127.0.0.1"),
        "WrongName",
        64,
    ),
    case(
        "another address",
        || leaf(addresses).to("127.0.0.2"),
        "WrongName",
        64,
    ),
    case(
        "a wildcard for addresses",
        || leaf(|params| names(params, &["*.0.0.1"])).to("127.0.0.1"),
        "WrongName",
        64,
    ),
    case(
        "a wildcard two levels up",
        || leaf(|params| names(params, &["*.test"])),
        "WrongName",
        62,
    ),
    case(
        "a wildcard for what is below",
        || leaf(|params| names(params, &["*.www.host.test"])),
        "WrongName",
        62,
    ),
    case(
        "a wildcard within a label",
        || leaf(|params| names(params, &["w*.host.test"])),
        "WrongName",
        0,
    )
    .differs("a wildcard is a whole label (RFC 9525, 6.3); openssl allows part of one"),
    case(
        "a wildcard in the middle",
        || leaf(|params| names(params, &["www.*.test"])),
        "WrongName",
        62,
    ),
    case(
        "nothing but a wildcard",
        || leaf(|params| names(params, &["*"])),
        "WrongName",
        62,
    ),
    case(
        "a wildcard for a whole domain",
        || leaf(|params| names(params, &["*.test"])).to("host.test"),
        "WrongName",
        62,
    ),
    case(
        "a name with a final dot",
        || leaf(|params| names(params, &["www.host.test."])),
        "WrongName",
        62,
    ),
    // Issuers.
    case(
        "self-signed",
        || lone(self_signed(nothing)),
        "SelfSigned",
        18,
    ),
    case(
        "self-signed and marked as an authority",
        || lone(self_signed(marked)),
        "SelfSigned",
        18,
    ),
    case(
        "of an authority that is not trusted",
        || {
            let other = Authority::root(|params| params.distinguished_name = named("Other"));
            lone(other.leaf(nothing))
        },
        "UnknownIssuer",
        20,
    ),
    case(
        "without the authority in between",
        || {
            let mut chain = below(nothing);
            chain.shown.truncate(1);
            chain
        },
        "UnknownIssuer",
        20,
    ),
    case(
        "of another authority of the same name",
        || lone(Authority::root(nothing).leaf(nothing)),
        "BadCertificate",
        20,
    ),
    case(
        "a forged signature",
        || {
            let mut chain = leaf(nothing);
            chain.shown[0] = forged(&chain.shown[0]);
            chain
        },
        "BadCertificate",
        7,
    ),
    case(
        "an authority with a forged signature",
        || {
            let mut chain = below(nothing);
            chain.shown[1] = forged(&chain.shown[1]);
            chain
        },
        "BadCertificate",
        7,
    ),
    // Authorities.
    case(
        "issued by what is no authority",
        || below(|params| params.is_ca = IsCa::ExplicitNoCa),
        "BadCertificate",
        79,
    ),
    case(
        "issued by what does not say that it is an authority",
        || below(|params| params.is_ca = IsCa::NoCa),
        "BadCertificate",
        79,
    ),
    case(
        "issued by an authority that may not sign certificates",
        || below(|params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature]),
        "ok",
        79,
    )
    .differs("webpki leaves key usages to the flag that says who is an authority"),
    case(
        "more authorities than allowed",
        || {
            let root = Authority::root(nothing);
            let upper = root.below("Upper", |params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            });
            let lower = upper.below("Lower", nothing);
            Chain::of(&root, [lower.leaf(nothing), lower.pem, upper.pem])
        },
        "BadCertificate",
        25,
    ),
    case(
        "an authority as host",
        || leaf(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        "BadCertificate",
        0,
    )
    .differs("an authority is no host: whoever has its key can issue for all"),
    case(
        "an authority for another domain",
        || below(|params| permit(params, "other.test")),
        "BadCertificate",
        47,
    ),
    case(
        "an authority for all but our domain",
        || below(|params| exclude(params, GeneralSubtree::DnsName("host.test".into()))),
        "BadCertificate",
        48,
    ),
    case(
        "an authority for all but our addresses",
        || {
            let root = Authority::root(nothing);
            let below = root.below("Below", |params| {
                let tree = CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8);
                exclude(params, GeneralSubtree::IpAddress(tree));
            });
            Chain::of(&root, [below.leaf(addresses), below.pem]).to("127.0.0.1")
        },
        "BadCertificate",
        48,
    ),
    case(
        "an authority for other addresses",
        || {
            let root = Authority::root(nothing);
            let below = root.below("Below", |params| {
                let tree = CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8);
                params.name_constraints = Some(NameConstraints {
                    permitted_subtrees: vec![GeneralSubtree::IpAddress(tree)],
                    excluded_subtrees: Vec::new(),
                });
            });
            Chain::of(&root, [below.leaf(addresses), below.pem]).to("127.0.0.1")
        },
        "BadCertificate",
        47,
    ),
    // Purposes and extensions.
    case(
        "for clients only",
        || leaf(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
        "WrongPurpose",
        26,
    ),
    case(
        "an authority for signing code",
        || below(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning]),
        "WrongPurpose",
        26,
    ),
    case(
        "an unknown extension that must not be passed over",
        || leaf(|params| unknown_extension(params, true)),
        "BadCertificate",
        34,
    ),
    case(
        "an authority with an unknown extension that must not be passed over",
        || below(|params| unknown_extension(params, true)),
        "BadCertificate",
        34,
    ),
    // Weak ones.
    case(
        "an RSA key of 1024 bits",
        || weak(&["-newkey", "rsa:1024"], "-sha256"),
        "WeakKey",
        66,
    ),
    case(
        "signed with SHA-1",
        || weak(P256, "-sha1"),
        "WeakSignature",
        68,
    ),
    case(
        "signed with SHA-224",
        || weak(P256, "-sha224"),
        "BadCertificate",
        0,
    )
    .differs("TLS 1.3 has no SHA-224 (RFC 8446, 4.2.3), nor has rustls in chains"),
    // What was revoked.
    case("revoked", || listed(&[], &[8], later()), "Revoked", 23),
    case(
        "below a revoked authority",
        || listed(&[7], &[], later()),
        "Revoked",
        23,
    ),
    case(
        "an old list",
        || listed(&[], &[], date_time_ymd(2024, 2, 1)),
        "RevocationUnknown",
        12,
    ),
    case(
        "no list of the authority in between",
        || {
            let root = Authority::root(nothing);
            let below = root.below("Below", nothing);
            let list = root.list(&[], later());
            Chain::of(&root, [below.leaf(numbered), below.pem]).lists([list])
        },
        "RevocationUnknown",
        3,
    ),
];

const P256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

fn weak(key: &[&str], digest: &str) -> Chain {
    let root = Authority::root(nothing);
    let leaf = root.weak(key, digest);
    Chain::of(&root, [leaf])
}

/// Shown to a client that trusts somebody else.
fn lone(leaf: String) -> Chain {
    Chain::of(&Authority::root(nothing), [leaf])
}

fn marked(params: &mut rcgen::CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn thousand(params: &mut rcgen::CertificateParams) {
    let more = (0..999).map(|number| format!("host{number}.test"));
    let all: Vec<String> = more.chain([HOST.to_owned()]).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    names(params, &all);
}

fn addresses(params: &mut rcgen::CertificateParams) {
    params.subject_alt_names = ["127.0.0.1", "::1"]
        .map(|address| SanType::IpAddress(address.parse().unwrap()))
        .to_vec();
}

fn common_name(params: &mut rcgen::CertificateParams) {
    params.subject_alt_names.clear();
    params.distinguished_name = named(HOST);
}

fn common_address(params: &mut rcgen::CertificateParams) {
    params.subject_alt_names.clear();
    params.distinguished_name = named("127.0.0.1");
}
