// Chromium with a profile on disk that survives the browser, whether the browser quits or is killed.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

import { CHROMIUM_ARGS, CHROMIUM_PATH } from "./browser.mjs";

/** Browser settings that block cookies, and thereby all storage. */
export const STORAGE_BLOCKED = { profile: { default_content_setting_values: { cookies: 2 } } };

/** What Chromium logs when it finds its own database damaged and creates a new one. */
const DATABASE_RESET = /IndexedDB recovering from a corrupted \(and deleted\) database/;

/** A profile; `settings` are the visitor's browser settings, `flags` are added to the command line of every start. */
export class ChromiumProfile {
  static async create({ settings, flags = [] } = {}) {
    const profile = new ChromiumProfile();
    profile.folder = await mkdtemp(join(tmpdir(), "tillroll-profile-"));
    profile.flags = flags;
    /** How many times the browser was started, and the last start that reset the browser's database; 0 if none did. */
    profile.startCount = 0;
    profile.databaseResetAtStart = 0;
    if (settings) {
      await mkdir(join(profile.folder, "Default"));
      await writeFile(join(profile.folder, "Default", "Preferences"), JSON.stringify(settings));
    }
    return profile;
  }

  /** Starts the browser in its own process group; returns its only page. */
  async open() {
    const start = ++this.startCount;
    const args = [...CHROMIUM_ARGS, ...this.flags, "--enable-logging=stderr", "--remote-debugging-port=0", `--user-data-dir=${this.folder}`, "about:blank"];
    this.process = spawn(CHROMIUM_PATH, args, { stdio: ["ignore", "ignore", "pipe"], detached: true });
    this.exited = once(this.process, "exit");
    const url = await new Promise((resolve, reject) => {
      this.exited.then(() => reject(new Error("the browser exited")), reject);
      createInterface(this.process.stderr).on("line", (line) => {
        if (DATABASE_RESET.test(line)) this.databaseResetAtStart = start;
        const listening = /DevTools listening on (\S+)/.exec(line);
        if (listening) resolve(listening[1]);
      });
    });
    this.browser = await chromium.connectOverCDP(url);
    return this.browser.contexts()[0].pages()[0];
  }

  /** Kills the whole process group, as a power failure does. */
  async kill() {
    process.kill(-this.process.pid, "SIGKILL");
    await this.exited;
  }

  /** Quits the browser, as a visitor does. */
  async quit() {
    const session = await this.browser.newBrowserCDPSession();
    await session.send("Browser.close");
    await this.exited;
  }

  async close() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
