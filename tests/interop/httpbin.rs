//! The client and `fetch` against httpbin.

use std::time::Duration;

use serde_json::Value;
use torsade::http::{AuthError, Client, Credentials, Form, Response};
use torsade::{Deferred, Reactor, Result};

use crate::support::peer::{run, temp_dir};
use crate::support::program::example;
use crate::support::python::PythonServer;

/// A client of httpbin.
struct World {
    server: PythonServer,
    reactor: Reactor,
    client: Client,
}

impl World {
    fn new() -> Option<Self> {
        let server = PythonServer::httpbin()?;
        let reactor = Reactor::new().unwrap();
        let client = Client::new(&reactor);
        Some(Self {
            server,
            reactor,
            client,
        })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    fn run<T: 'static>(&self, deferred: Deferred<T>) -> Result<T> {
        let limit = Duration::from_secs(30);
        self.reactor
            .run_until(deferred.add_timeout(&self.reactor, limit))
    }

    fn get(&self, path: &str) -> Response {
        self.run(self.client.get(&self.url(path)).send()).unwrap()
    }

    fn json(&self, response: Response) -> Value {
        let text = self.run(response.text()).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

#[test]
fn every_coding_and_framing_of_httpbin_is_understood() {
    let Some(world) = World::new() else { return };
    for (path, mark) in [
        ("/gzip", "gzipped"),
        ("/deflate", "deflated"),
        ("/brotli", "brotli"),
    ] {
        let value = world.json(world.get(path));
        assert_eq!(value[mark], true, "{path}");
    }
    let bytes = |path| world.run(world.get(path).read_body()).unwrap().len();
    assert_eq!(bytes("/bytes/5000"), 5000);
    assert_eq!(bytes("/stream-bytes/5000?chunk_size=100"), 5000);
    assert_eq!(bytes("/drip?numbytes=10&duration=1"), 10);
    assert_eq!(bytes("/range/100"), 100);
    let lines = world.run(world.get("/stream/20").text()).unwrap();
    assert_eq!(lines.lines().count(), 20);
    assert!(
        world
            .run(world.get("/encoding/utf8").text())
            .unwrap()
            .contains("∀x∈ℝ")
    );
    for status in [200, 204, 304, 404, 418, 500] {
        assert_eq!(world.get(&format!("/status/{status}")).status(), status);
    }
}

#[test]
fn redirects_cookies_and_credentials_of_httpbin_work_together() {
    let Some(world) = World::new() else { return };
    for path in [
        "/redirect/5",
        "/relative-redirect/5",
        "/absolute-redirect/5",
    ] {
        let response = world.get(path);
        assert_eq!(
            (response.status().as_u16(), response.history().count()),
            (200, 5),
            "{path}"
        );
        assert_eq!(response.url().path(), "/get");
    }
    let value = world.json(world.get("/cookies/set?a=b"));
    assert_eq!(value["cookies"]["a"], "b");
    let value = world.json(world.get("/cookies/delete?a="));
    assert_eq!(value["cookies"], serde_json::json!({}));

    let secret = world.url("/basic-auth/me/secret");
    let known = world
        .run(world.client.get(&secret).basic_auth("me", "secret").send())
        .unwrap();
    assert_eq!(known.status(), 200);
    assert_eq!(world.get("/basic-auth/me/secret").status(), 401);
    let token = world
        .run(
            world
                .client
                .get(&world.url("/bearer"))
                .bearer_auth("t")
                .send(),
        )
        .unwrap();
    assert_eq!(world.json(token)["token"], "t");
}

// RFC 7616
#[test]
fn digest_of_every_kind_is_accepted_by_httpbin() {
    let Some(world) = World::new() else { return };
    for quality in ["auth", "auth-int"] {
        for algorithm in ["", "/MD5", "/SHA-256", "/MD5/2"] {
            let path = format!("/digest-auth/{quality}/me/secret{algorithm}");
            let url = world.url(&path);
            // It takes every nonce and algorithm for its own, so that nothing must be known yet.
            let client = Client::new(&world.reactor);
            // With a number in the path, a nonce is too old after so many requests.
            for _ in 0..6 {
                let sent = client.get(&url).digest_auth("me", "secret").send();
                let response = world.run(sent).unwrap();
                assert_eq!(response.status(), 200, "{path}");
                assert_eq!(world.json(response)["user"], "me");
            }
            let sent = client.get(&url).digest_auth("me", "wrong").send();
            assert_eq!(world.run(sent).unwrap().status(), 401, "{path}");
        }
    }
    // No standard knows this algorithm for Digest.
    let url = world.url("/digest-auth/auth/me/secret/SHA-512");
    let sent = world.client.get(&url).digest_auth("me", "secret").send();
    assert_eq!(world.run(sent).unwrap().status(), 401);
    // Basic is answered where that is allowed.
    let url = world.url("/basic-auth/me/secret");
    let login = |credentials| world.client.get(&url).credentials(credentials).send();
    let credentials = || Credentials::new("me", "secret");
    let failure = world.run(login(credentials())).unwrap_err();
    assert!(matches!(
        failure.check::<AuthError>(),
        Some(AuthError::BasicInClear { .. })
    ));
    let open = world.run(login(credentials().basic_in_clear())).unwrap();
    assert_eq!(open.status(), 200);
    // This one does not ask: whoever waits for that is told that there is nothing.
    let hidden = world.url("/hidden-basic-auth/me/secret");
    let request = || world.client.get(&hidden);
    let waiting = request().credentials(credentials().basic_in_clear());
    assert_eq!(world.run(waiting.send()).unwrap().status(), 404);
    let asked = request().basic_auth("me", "secret");
    assert_eq!(world.run(asked.send()).unwrap().status(), 200);
}

#[test]
fn what_is_sent_arrives_as_it_was_meant() {
    let Some(world) = World::new() else { return };
    let url = world.url("/anything");
    let post = || world.client.post(&url);
    let value = |sent| world.json(world.run(sent).unwrap());
    let sent = value(
        post()
            .query(&[("q", "a b")])
            .form(&[("name", "Ä & B")])
            .send(),
    );
    assert_eq!(sent["args"]["q"], "a b");
    assert_eq!(sent["form"]["name"], "Ä & B");
    let form = Form::new()
        .text("title", "x")
        .bytes("file", "a.txt", "text/plain", "inside");
    let sent = value(post().multipart(form).send());
    assert_eq!(sent["form"]["title"], "x");
    assert_eq!(sent["files"]["file"], "inside");
    let sent = value(
        post()
            .header("Content-Type", "application/json")
            .body("{\"a\":1}")
            .send(),
    );
    assert_eq!(sent["json"]["a"], 1);
    for method in ["PUT", "PATCH", "DELETE"] {
        let request = world
            .client
            .request(method.parse().unwrap(), &url)
            .body("data");
        let sent = value(request.send());
        assert_eq!(
            (&sent["method"], &sent["data"]),
            (&method.into(), &"data".into())
        );
    }
}

#[test]
fn fetch_does_everyday_work() {
    let Some(server) = PythonServer::httpbin() else {
        return;
    };
    let dir = temp_dir();
    let fetch = |arguments: &[&str], path: &str| {
        let mut command = example("fetch");
        command
            .current_dir(dir.path())
            .args(arguments)
            .arg(format!("http://{}{path}", server.address()));
        run(&mut command, b"").expect_success().text()
    };
    let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    assert_eq!(
        json(fetch(&["-L"], "/redirect/3"))["url"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next(),
        Some("get")
    );
    assert_eq!(json(fetch(&["--compressed"], "/gzip"))["gzipped"], true);
    assert_eq!(
        json(fetch(&["-u", "me:secret"], "/basic-auth/me/secret"))["authenticated"],
        true
    );
    for how in ["--digest", "--anyauth"] {
        let arguments = [how, "-u", "me:secret"];
        let answer = json(fetch(&arguments, "/digest-auth/auth/me/secret/SHA-256"));
        assert_eq!(answer["authenticated"], true, "{how}");
    }
    let answer = json(fetch(
        &["--anyauth", "-u", "me:secret"],
        "/basic-auth/me/secret",
    ));
    assert_eq!(answer["authenticated"], true);
    fetch(
        &["--cookies", "jar.json"],
        "/response-headers?Set-Cookie=a%3Db%3B%20Max-Age%3D100",
    );
    let cookies = json(fetch(&["--cookies", "jar.json"], "/cookies"));
    assert_eq!(cookies["cookies"]["a"], "b");
    std::fs::write(dir.path().join("picture.txt"), "inside").unwrap();
    let sent = json(fetch(
        &["-F", "title=x", "-F", "file=@picture.txt"],
        "/post",
    ));
    assert_eq!(
        (&sent["form"]["title"], &sent["files"]["file"]),
        (&"x".into(), &"inside".into())
    );
}
