//! Daemons of the distribution, each on a free port and in a folder of its own.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use torsade::tls::generate::Authority;
use torsade::tls::{PrivateCertificate, Trust};

use super::peer::{self, Peer, find, run, skip};

/// A running server; killed when dropped.
pub(crate) struct Daemon {
    // Before the folder, so that it is gone when its files go.
    peer: Peer,
    files: Files,
    addresses: Vec<SocketAddr>,
}

/// A folder with a certificate for `localhost` and its authority's.
pub(crate) struct Files {
    dir: TempDir,
    pub(crate) authority: Authority,
}

impl Files {
    pub(crate) fn new() -> Self {
        let authority = Authority::new("Test CA");
        let own = authority.issue(["localhost", "127.0.0.1"]);
        let files = Self {
            dir: peer::temp_dir(),
            authority,
        };
        // Daemons look at them as other users.
        let everybody = fs::Permissions::from_mode(0o755);
        fs::set_permissions(files.dir.path(), everybody).unwrap();
        files.write("ca.pem", &files.authority.certificate().to_pem());
        files.add("server", &own);
        files
    }

    /// Writes `STEM.pem`, `STEM.key`, and both in one as `STEM.all`.
    pub(crate) fn add(&self, stem: &str, own: &PrivateCertificate) {
        let (chain, key) = (own.chain_pem(), own.key_pair().to_pem());
        self.write(&format!("{stem}.pem"), &chain);
        self.write(&format!("{stem}.key"), &key);
        self.write(&format!("{stem}.all"), &(key + &chain));
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A folder in it, which belongs to `user`.
    pub(crate) fn folder_of(&self, name: &str, user: &str) {
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        let id = Command::new("id").args(["-u", user]).output().unwrap();
        let id: u32 = String::from_utf8_lossy(&id.stdout).trim().parse().unwrap();
        chown(path, Some(id), None).unwrap();
    }

    /// The text with the folder's name for `@`, and what an address is made of.
    pub(crate) fn fill(&self, text: &str, address: SocketAddr) -> String {
        self.in_folder(text)
            .replace("ADDRESS", &address.to_string())
            .replace("PORT", &address.port().to_string())
    }

    /// The text with the folder's name for `@`.
    pub(crate) fn in_folder(&self, text: &str) -> String {
        text.replace('@', &self.dir.path().display().to_string())
    }
}

impl Daemon {
    /// Starts what `command` makes for a free port, until it answers.
    pub(crate) fn start(name: &str, command: impl Fn(&Files, SocketAddr) -> Command) -> Self {
        Self::start_on(name, |files, [address]| command(files, address))
    }

    /// The same with several ports, until all of them answer.
    pub(crate) fn start_on<const N: usize>(
        name: &str,
        command: impl Fn(&Files, [SocketAddr; N]) -> Command,
    ) -> Self {
        // A free port may be taken by another test before it is bound: a few tries.
        let mut complaint = String::new();
        for _ in 0..5 {
            let (files, addresses) = (Files::new(), [(); N].map(|()| peer::free_address()));
            let mut command = command(&files, addresses);
            let mut peer = Peer::spawn(name, &mut command, files.dir.path());
            if peer.becomes_ready(|| addresses.into_iter().all(peer::answers)) {
                return Self {
                    peer,
                    files,
                    addresses: addresses.to_vec(),
                };
            }
            complaint = peer.to_string();
        }
        panic!("{name} does not start: {complaint}");
    }

    /// Where it listens, first of all.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Where it listens, in the order in which they were given.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    pub(crate) fn trust(&self) -> Trust {
        self.files.authority.trust()
    }

    /// All that it has said.
    pub(crate) fn log(&self) -> String {
        self.peer.stdout() + &self.peer.stderr()
    }
}

/// `gnutls-serv`, which sends lines back; `priorities` in its notation.
pub(crate) fn gnutls_echo(priorities: &str) -> Option<Daemon> {
    let program = find("gnutls-serv")?;
    Some(Daemon::start("gnutls-serv", |files, address| {
        let mut command = Command::new(&program);
        command
            .args(["--echo", "--priority", priorities, "--disable-client-cert"])
            .args(["--port", &address.port().to_string()])
            .arg("--x509certfile")
            .arg(files.path("server.pem"))
            .arg("--x509keyfile")
            .arg(files.path("server.key"));
        command
    }))
}

/// `stunnel` with the lines of one service.
pub(crate) fn stunnel(service: &str) -> Option<Daemon> {
    let program = find("stunnel")?;
    Some(Daemon::start("stunnel", |files, address| {
        let config = format!("foreground = yes\npid =\n[service]\naccept = ADDRESS\n{service}");
        let config = files.write("stunnel.conf", &files.fill(&config, address));
        let mut command = Command::new(&program);
        command.arg(config);
        command
    }))
}

/// Whether daemons that change their user can be started; says so where they cannot.
pub(crate) fn is_root(name: &str) -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    let is_root = id.stdout.trim_ascii() == b"0";
    if !is_root {
        skip(&format!("{name} (which needs root)"));
    }
    is_root
}

/// Postfix, which demands STARTTLS and throws mail away.
pub(crate) fn postfix() -> Option<Daemon> {
    let program = find("postfix").filter(|_| is_root("postfix"))?;
    let asked = Command::new("postconf")
        .args(["-d", "-h", "daemon_directory"])
        .output();
    let daemons = String::from_utf8_lossy(&asked.unwrap().stdout)
        .trim()
        .to_owned();
    Some(Daemon::start("postfix", |files, address| {
        files.folder_of("data", "postfix");
        for folder in ["conf", "queue"] {
            fs::create_dir(files.path(folder)).unwrap();
        }
        files.write("conf/main.cf", &files.fill(POSTFIX_MAIN, address));
        files.write("conf/master.cf", &files.fill(POSTFIX_MASTER, address));
        // Its own script would start the master beside us, where nobody would end it.
        let mut check = Command::new(&program);
        check.arg("-c").arg(files.path("conf")).arg("check");
        run(&mut check, b"").expect_success();
        let mut command = Command::new(Path::new(&daemons).join("master"));
        command.arg("-d").arg("-c").arg(files.path("conf"));
        command
    }))
}

const POSTFIX_MAIN: &str = "\
compatibility_level = 3.6
queue_directory = @/queue
data_directory = @/data
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
local_recipient_maps =
default_transport = discard:
relay_transport = discard:
smtpd_relay_restrictions = permit_mynetworks, reject
mynetworks = 127.0.0.0/8
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = @/server.pem
smtpd_tls_key_file = @/server.key
myhostname = localhost
maillog_file = /dev/stdout
";

const POSTFIX_MASTER: &str = "\
ADDRESS inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
anvil unix - - n - 1 anvil
discard unix - - n - - discard
local unix - n n - - local
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
";

/// Dovecot, which demands STARTTLS, for `imap` or `pop3`.
pub(crate) fn dovecot(protocol: &'static str) -> Option<Daemon> {
    let program = find("dovecot").filter(|_| is_root("dovecot"))?;
    Some(Daemon::start("dovecot", |files, address| {
        let config = DOVECOT.replace("PROTOCOL", protocol);
        let config = files.write("dovecot.conf", &files.fill(&config, address));
        let mut command = Command::new(&program);
        command.arg("-F").arg("-c").arg(config);
        command
    }))
}

const DOVECOT: &str = "\
protocols = PROTOCOL
listen = 127.0.0.1
base_dir = @/run
state_dir = @/state
log_path = /dev/stderr
ssl = required
ssl_cert = <@/server.pem
ssl_key = <@/server.key
service PROTOCOL-login {
  inet_listener PROTOCOL {
    port = PORT
  }
  inet_listener PROTOCOLs {
    port = 0
  }
}
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=@/home
}
";

/// vsftpd, which offers `AUTH TLS`.
pub(crate) fn vsftpd() -> Option<Daemon> {
    let program = find("vsftpd").filter(|_| is_root("vsftpd"))?;
    Some(Daemon::start("vsftpd", |files, address| {
        fs::create_dir(files.path("empty")).unwrap();
        let config = files.write("vsftpd.conf", &files.fill(VSFTPD, address));
        let mut command = Command::new(&program);
        command.arg(config);
        command
    }))
}

const VSFTPD: &str = "\
listen=YES
background=NO
listen_address=127.0.0.1
listen_port=PORT
ssl_enable=YES
rsa_cert_file=@/server.pem
rsa_private_key_file=@/server.key
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
secure_chroot_dir=@/empty
";

/// The path as an argument in text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("its path is text")
}
