//! The real server over real sockets, asked as outsiders ask it.

mod assets;
mod backend;
mod batch;
mod bots;
mod calls;
mod commands;
mod export;
mod faults;
mod forward;
mod history;
mod identity;
mod kill;
mod limits;
mod live;
mod schema;
mod server;
mod start;
mod state;
