//! The server that HTTP clients are measured against.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use rustix::process::{Pid, Signal, kill_process};

use super::{LOAD_CPU, Result, SERVER_CPU, free_port, make_certificates, pin_to};

/// The files that it serves, with their sizes.
const FILES: [(&str, usize); 5] = [
    ("1k", 1 << 10),
    ("64k", 64 << 10),
    ("1m", 1 << 20),
    ("10m", 10 << 20),
    ("100m", 100 << 20),
];

/// An nginx of ours; dropped, it ends.
pub struct Nginx {
    child: Child,
    pub http: String,
    pub https: String,
}

impl Nginx {
    /// Starts one whose files are in this folder. `None` if there is none.
    pub fn start(folder: &Path, certificates: &Path) -> Result<Option<Self>> {
        let Some(program) = find() else {
            return Ok(None);
        };
        make_certificates(certificates)?;
        fs::create_dir_all(folder.join("www"))?;
        // Its worker is another user.
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
        for (name, size) in FILES {
            let path = folder.join("www").join(name);
            if !path.exists() {
                let bytes: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
                fs::write(path, bytes)?;
            }
        }
        let (http, https) = (free_port()?, free_port()?);
        fs::write(
            folder.join("nginx.conf"),
            configuration(http, https, certificates),
        )?;
        pin_to(&[SERVER_CPU])?;
        let mut command = Command::new(program);
        command
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(folder.join("nginx.conf"));
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        pin_to(&[LOAD_CPU])?;
        let mut child = child?;
        thread::sleep(Duration::from_millis(500));
        if let Some(status) = child.try_wait()? {
            return Err(format!("nginx ended with {status}").into());
        }
        Ok(Some(Self {
            child,
            http: format!("http://127.0.0.1:{http}"),
            https: format!("https://127.0.0.1:{https}"),
        }))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killed, it would leave its worker behind.
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        let _ = self.child.wait();
    }
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders
        .map(|folder| folder.join("nginx"))
        .find(|path| path.exists())
}

fn configuration(http: u16, https: u16, certificates: &Path) -> String {
    let certificates = certificates.display();
    format!(
        "daemon off; worker_processes 1; worker_rlimit_nofile 20000; error_log stderr crit; pid nginx.pid;
events {{ worker_connections 8192; multi_accept on; }}
http {{
  access_log off; sendfile on; tcp_nodelay on; tcp_nopush off;
  keepalive_requests 1000000000; keepalive_timeout 300s;
  client_body_temp_path temp1; proxy_temp_path temp2; fastcgi_temp_path temp3; uwsgi_temp_path temp4;
  scgi_temp_path temp5;
  ssl_certificate {certificates}/leaf.pem; ssl_certificate_key {certificates}/leaf.key;
  ssl_protocols TLSv1.3; ssl_session_cache none; ssl_session_tickets on; ssl_ecdh_curve X25519:prime256v1;
  open_file_cache max=100;
  server {{
    listen 127.0.0.1:{http} backlog=4096; listen 127.0.0.1:{https} ssl backlog=4096;
    root www;
  }}
}}
"
    )
}
