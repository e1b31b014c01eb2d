//! `tillroll export WHAT`: what `GET /export/WHAT` answers, read from the data folder, which a server may be using.
//!
//! It is read and written page by page. Each line carries a cursor; an export that was cut short goes on with `--after` the last one.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;

use crate::Error;
use crate::cli::{Fault, choose, counting};
use crate::resource::Resource;
use crate::store::{Cursor, ListCursor, ListPage, Range, ReadOnlyStore};

/// How many things are read at a time.
const PAGE: usize = 500;

/// The flags of `tillroll export`.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// What to export
    pub what: Resource,

    /// Write to this file instead of the standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Begin behind the line with this cursor
    #[arg(long, value_name = "CURSOR")]
    pub after: Option<String>,

    /// The token of the project, where the data folder holds several
    #[arg(long, value_name = "TOKEN")]
    pub project: Option<String>,

    /// The folder in which everything is kept
    #[arg(long, env = "TILLROLL_DATA", default_value = "./tillroll-data", value_name = "DIR")]
    pub data: PathBuf,
}

/// Exports.
pub fn run(flags: &Flags) -> Result<(), Error> {
    let store = ReadOnlyStore::open(&flags.data)?;
    let project = choose(&store.projects()?, flags.project.as_deref())?;
    let out: Box<dyn Write> = match &flags.out {
        Some(path) => Box::new(File::create(path).map_err(|source| Fault::file("write", path, source))?),
        None => Box::new(std::io::stdout().lock()),
    };
    let mut out = Out { out: BufWriter::new(out), path: flags.out.clone().unwrap_or_else(|| "the standard output".into()), lines: 0 };
    match flags.what {
        Resource::Events => of_events(&store, project, flags, &mut out)?,
        resource => of_list(&store, project, resource, flags, &mut out)?,
    }
    out.finish(flags.what)
}

fn of_events(store: &ReadOnlyStore, project: i64, flags: &Flags, out: &mut Out) -> Result<(), Error> {
    let after = flags.after.as_deref().map_or(Ok(Cursor::START), str::parse).map_err(|_| Fault::Cursor)?;
    let mut range = Range { project, after, until: store.head()?, limit: PAGE };
    // Places count the events of all projects.
    let bar = counting("events", range.until.distance_from(after));
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

fn of_list(store: &ReadOnlyStore, project: i64, resource: Resource, flags: &Flags, out: &mut Out) -> Result<(), Error> {
    let mut after = match &flags.after {
        Some(text) => ListCursor::parse(resource, text).ok_or(Fault::Cursor)?,
        None => ListCursor::START,
    };
    let bar: ProgressBar = counting("lines", store.count(project, resource)?);
    loop {
        let ListPage { lines, count, next } = store.list(project, resource, &after, PAGE)?;
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

struct Out {
    out: BufWriter<Box<dyn Write>>,
    path: PathBuf,
    lines: usize,
}

impl Out {
    fn write(&mut self, text: &str) -> Result<(), Error> {
        self.out.write_all(text.as_bytes()).map_err(|source| Fault::file("write", &self.path, source).into())
    }

    /// Whoever reads our output may have had enough, as `head` has; that is for them to know.
    fn finish(mut self, what: Resource) -> Result<(), Error> {
        match self.out.flush() {
            Err(source) if source.kind() != ErrorKind::BrokenPipe => return Err(Fault::file("write", &self.path, source).into()),
            _ => {}
        }
        eprintln!("{} lines of {} were exported.", self.lines, what.name());
        Ok(())
    }
}
