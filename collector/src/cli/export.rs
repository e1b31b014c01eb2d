//! `tillroll export RESOURCE`: the output of `GET /export/RESOURCE`, read from the data folder. The server may keep running.
//!
//! It is read and written page by page. Each line has a cursor; `--after` with the last cursor continues an interrupted export.

use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::cli::choose_project;
use crate::cli::files::{create_private, failed};
use crate::cli::progress::count_bar;
use crate::config::DataFolder;
use crate::operator_error::with_advice;
use crate::resource::Resource;
use crate::store::{Cursor, ListCursor, ListPage, Range, ReadOnlyStore};

/// How many records are read at a time.
const PAGE_RECORDS: usize = 500;

/// The error for a cursor of another resource, or none at all.
const INVALID_CURSOR: &str = "--after is not a cursor of an earlier export of this resource";

/// The flags of `tillroll export`.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// Resource to export
    #[arg(value_name = "RESOURCE")]
    pub what: Resource,

    /// Write to this file, which only you can read, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Start after the line with this cursor
    #[arg(long, value_name = "CURSOR")]
    pub after: Option<String>,

    /// Token of the project; required if the data folder has several projects
    #[arg(long, value_name = "TOKEN")]
    pub project: Option<String>,

    /// The data folder.
    #[command(flatten)]
    pub folder: DataFolder,
}

/// Runs the command.
pub fn run(flags: &Flags) -> anyhow::Result<()> {
    let store = ReadOnlyStore::open(&flags.folder.data).map_err(with_advice)?;
    let (project, _) = *choose_project(&store.projects()?, flags.project.as_deref())?;
    let out: Box<dyn Write> = match &flags.out {
        Some(path) => Box::new(create_private(path)?),
        None => Box::new(std::io::stdout().lock()),
    };
    let mut out = Output { out: BufWriter::new(out), path: flags.out.clone().unwrap_or_else(|| "standard output".into()), lines: 0 };
    match flags.what {
        Resource::Events => export_events(&store, project, flags, &mut out)?,
        resource => export_state(&store, project, resource, flags, &mut out)?,
    }
    out.finish(flags.what)
}

fn export_events(store: &ReadOnlyStore, project: i64, flags: &Flags, out: &mut Output) -> anyhow::Result<()> {
    let after = flags.after.as_deref().map_or(Some(Cursor::START), |text| text.parse().ok()).context(INVALID_CURSOR)?;
    let mut range = Range { project, after, until: store.head()?, limit: PAGE_RECORDS };
    // Cursors count the events of all projects, and so does the progress bar.
    let bar = count_bar("events", range.until.distance_from(after));
    loop {
        let events = store.events(range)?;
        let Some(last) = events.last() else { break };
        bar.inc(last.cursor.distance_from(range.after));
        range.after = last.cursor;
        for event in &events {
            out.write(&event.json)?;
            out.write("\n")?;
        }
        out.lines += events.len();
    }
    bar.finish_and_clear();
    Ok(())
}

fn export_state(store: &ReadOnlyStore, project: i64, resource: Resource, flags: &Flags, out: &mut Output) -> anyhow::Result<()> {
    let mut after = match &flags.after {
        Some(text) => ListCursor::parse(resource, text).context(INVALID_CURSOR)?,
        None => ListCursor::START,
    };
    let bar = count_bar("lines", store.count(project, resource)?);
    loop {
        let ListPage { lines, count, next } = store.list(project, resource, &after, PAGE_RECORDS)?;
        out.write(&lines)?;
        out.lines += lines.lines().count();
        bar.inc(count as u64);
        match next {
            Some(next) => after = next,
            None => break,
        }
    }
    bar.finish_and_clear();
    Ok(())
}

struct Output {
    out: BufWriter<Box<dyn Write>>,
    path: PathBuf,
    lines: usize,
}

impl Output {
    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        self.out.write_all(text.as_bytes()).with_context(failed("write", &self.path))
    }

    /// A reader that closes the pipe early, as `head` does, is not an error.
    fn finish(mut self, resource: Resource) -> anyhow::Result<()> {
        match self.out.flush() {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(error).with_context(failed("write", &self.path)),
            _ => {}
        }
        eprintln!("Exported {} lines of {}.", self.lines, resource.name());
        Ok(())
    }
}
