//! `cargo xtask setup`: installs what is missing, says what it does and how long it took.
//!
//! Tools go to the user's cargo folder, never into the clone. Nothing that is there already is touched.

mod list;
mod models;
mod python;

use std::{path::Path, time::Instant};

use anyhow::{Result, bail};

use crate::{
    steps::{Steps, say},
    system::{Run, on_path},
    tools::Workspace,
};

/// What the machine will be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Building the page, as the demo does.
    Page,
    /// Also every test, and most benchmarks.
    Everything,
    /// Also what serves and asks for comparison, which only one benchmark needs.
    Load,
}

/// One thing that must be there.
struct Need<'a> {
    name: &'static str,
    purpose: Purpose,
    present: Box<dyn Fn() -> bool + 'a>,
    source: Source<'a>,
}

/// Where it comes from.
enum Source<'a> {
    /// Debian packages, and what to look for on another system.
    System {
        packages: &'static [&'static str],
        elsewhere: &'static str,
    },
    /// Something that any user can install.
    Own {
        about: &'static str,
        install: Box<dyn Fn() -> Result<()> + 'a>,
    },
}

impl<'a> Need<'a> {
    fn system(
        purpose: Purpose,
        name: &'static str,
        present: Box<dyn Fn() -> bool + 'a>,
        packages: &'static [&'static str],
        elsewhere: &'static str,
    ) -> Self {
        Self {
            name,
            purpose,
            present,
            source: Source::System { packages, elsewhere },
        }
    }

    fn own(
        purpose: Purpose,
        name: &'static str,
        present: Box<dyn Fn() -> bool + 'a>,
        about: &'static str,
        install: Box<dyn Fn() -> Result<()> + 'a>,
    ) -> Self {
        Self {
            name,
            purpose,
            present,
            source: Source::Own { about, install },
        }
    }
}

/// Installs what is missing for `purpose`.
///
/// # Errors
/// When an installation fails, or when system packages are missing that only the user can install.
pub(crate) fn run(workspace: &Workspace, purpose: Purpose, steps: &mut Steps) -> Result<()> {
    steps.run("setup", || {
        let needs: Vec<Need<'_>> = list::needs(workspace)
            .into_iter()
            .filter(|need| need.purpose <= purpose)
            .collect();
        system_packages(&needs)?;
        for need in &needs {
            let Source::Own { about, install } = &need.source else {
                continue;
            };
            if (need.present)() {
                continue;
            }
            say(&format!("   {} is missing: {about}", need.name));
            let begin = Instant::now();
            install()?;
            if !(need.present)() {
                bail!(
                    "{} was installed but is still not found; is another one first on the PATH?",
                    need.name
                );
            }
            say(&format!(
                "   {} installed in {} s",
                need.name,
                begin.elapsed().as_secs()
            ));
        }
        let names: Vec<&str> = needs.iter().map(|need| need.name).collect();
        say(&format!("   ready: {}", names.join(", ")));
        Ok(())
    })
}

fn system_packages(needs: &[Need<'_>]) -> Result<()> {
    let mut missing = Vec::new();
    for need in needs {
        if let Source::System { packages, elsewhere } = need.source
            && !(need.present)()
        {
            missing.push((need, packages, elsewhere));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|(_, packages, _)| packages.iter().copied())
        .collect();
    let root = Run::new("id").arg("-u").answer().is_some_and(|id| id == "0");
    if !(root && Path::new("/etc/debian_version").exists() && on_path("apt-get").is_some()) {
        let list: Vec<String> = missing
            .iter()
            .map(|(need, _, elsewhere)| format!("  {}: {elsewhere}", need.name))
            .collect();
        bail!(
            "these are missing and only an administrator can install them:\n{}\n\
             On Debian or Ubuntu: sudo apt-get install {}\nThen run this command again.",
            list.join("\n"),
            packages.join(" ")
        );
    }
    let begin = Instant::now();
    say(&format!(
        "   installing Debian packages: {} (about 10 s each)",
        packages.join(" ")
    ));
    let apt = || Run::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    apt().args(["update", "-qq"]).show()?;
    apt()
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(&packages)
        .show()?;
    for (need, ..) in &missing {
        if !(need.present)() {
            bail!(
                "{} is still not found after its packages were installed",
                need.name
            );
        }
    }
    say(&format!(
        "   packages installed in {} s",
        begin.elapsed().as_secs()
    ));
    Ok(())
}
