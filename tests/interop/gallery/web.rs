//! The clients for web pages. Of the originals one runs: `getPage` and `downloadPage`, which the others
//! use, are not in Twisted any more.

use std::fs;

use super::stage::{Port, Running, Stage, on_stage};
use super::{Ours, Theirs, program};
use crate::support::peer::run;

const PAGE: &str = "http://localhost:8080/page.html";

/// Twisted's web server, with one page.
fn serve(stage: &Stage, page: &str) -> Running {
    let site = stage.dir.path().join("site");
    fs::create_dir(&site).unwrap();
    fs::write(site.join("page.html"), page).unwrap();
    let site = site.to_str().expect("its path is text");
    let mut web = stage.twist(&["web", "--listen", "tcp:8080", "--path", site]);
    stage.serve(&mut web, Port::Tcp(8080))
}

#[test]
fn a_page_is_printed() {
    on_stage(|stage| {
        let _web = serve(stage, "<p>hello</p>");
        let printed = run(stage.ours("getpage").arg(PAGE), b"").expect_success();
        assert_eq!(printed.text(), "<p>hello</p>\n");
        let missing = run(stage.ours("getpage").arg("http://localhost:8080/none"), b"");
        assert_eq!(missing.status.code(), Some(1));
        assert!(missing.stderr.contains("404"), "{}", missing.stderr);
    });
}

#[test]
fn a_page_is_saved() {
    on_stage(|stage| {
        let page = "y".repeat(100_000);
        let _web = serve(stage, &page);
        run(stage.ours("dlpage").arg(PAGE), b"").expect_success();
        assert!(fs::read_to_string(stage.dir.path().join("foo")).unwrap() == page);
    });
}

#[test]
fn a_response_is_shown_and_its_body_as_it_comes() {
    on_stage(|stage| {
        let _web = serve(stage, "<p>hello</p>");
        for side in [Ours, Theirs] {
            let shown = run(program(stage, side, "httpclient").arg(PAGE), b"");
            let shown = shown.expect_success().text();
            for text in [
                "200",
                "The response body will consist of 12 bytes.",
                "Got some: ",
                "<p>hello</p>",
                "Response done",
            ] {
                assert!(shown.contains(text), "{side:?}: {shown}");
            }
        }
    });
}
