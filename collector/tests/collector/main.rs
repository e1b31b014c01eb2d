//! The real server over real sockets, asked as outsiders ask it.

mod assets;
mod backend;
mod batch;
mod disk;
mod export;
mod faults;
mod gate;
mod history;
mod identity;
mod kill;
mod limits;
mod live;
mod operation;
mod owners;
mod projects;
mod retention;
mod server;
mod settings;
mod start;
mod state;
