//! `tillroll completions` and `tillroll man`: what a package installs beside the program, made from the definitions of the command line.

use anyhow::Context;
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

/// The flags of `tillroll completions`.
#[derive(Debug, Args)]
pub struct Flags {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Returns the script that completes commands and flags of `program` in the shell.
pub fn completions(mut program: Command, flags: &Flags) -> Vec<u8> {
    let mut out = Vec::new();
    clap_complete::generate(flags.shell, &mut program, "tillroll", &mut out);
    out
}

/// Returns the manual page of `program`: the program itself, then each command with its flags, in the format of `man`.
pub fn manual(program: Command) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    write_manual(program, &mut out).context("cannot write the manual page")?;
    Ok(out)
}

fn write_manual(mut program: Command, out: &mut Vec<u8>) -> std::io::Result<()> {
    program.build();
    Man::new(program.clone()).render(out)?;
    write_commands(&program, out)
}

/// Writes the commands of `parent`, each followed by its own.
fn write_commands(parent: &Command, out: &mut Vec<u8>) -> std::io::Result<()> {
    for command in parent.get_subcommands().filter(|command| command.get_name() != "help") {
        let page = Man::new(command.clone());
        page.render_name_section(out)?;
        page.render_synopsis_section(out)?;
        page.render_options_section(out)?;
        write_commands(command, out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_shell_completes_the_flags_of_serve() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(completions(Cli::command(), &Flags { shell })).unwrap();
            assert!(script.contains("tillroll") && script.contains("keep-events"), "{shell}");
        }
    }

    #[test]
    fn the_manual_page_describes_each_command_and_its_flags() {
        let page = String::from_utf8(manual(Cli::command()).unwrap()).unwrap();
        assert!(page.contains(".TH tillroll 1"), "{page}");
        for word in
            ["serve", "restore", "keep\\-events", "TILLROLL_LISTEN", "doctor", "visitor", "secret\\-stdin", "grace", "config\\-schema"]
        {
            assert!(page.contains(word), "{word}");
        }
    }
}
