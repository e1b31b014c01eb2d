//! The real server over real sockets, asked as outsiders ask it.

mod assets;
mod backend;
mod batch;
mod bots;
mod calls;
mod commands;
mod disk;
mod export;
mod faults;
mod forward;
mod gate;
mod history;
mod identity;
mod kill;
mod limits;
mod live;
mod log;
mod operation;
mod owners;
mod projects;
mod retention;
mod schema;
mod server;
mod settings;
mod start;
mod state;
