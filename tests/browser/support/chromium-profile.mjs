// A Chromium that a visitor has at home: its profile outlives it, however it ends.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

import { ARGS, CHROMIUM } from "./browser.mjs";

/** Cookies, and with them all storage, blocked by the visitor's own settings. */
export const BLOCKED = { profile: { default_content_setting_values: { cookies: 2 } } };

/** What this browser prints when it found its own database damaged and began a new one. */
const DAMAGED = /IndexedDB recovering from a corrupted \(and deleted\) database/;

/** A profile; `settings` are what the visitor set, `flags` what every start has on its command line. */
export class Profile {
  static async make({ settings, flags = [] } = {}) {
    const profile = new Profile();
    profile.folder = await mkdtemp(join(tmpdir(), "tillroll-profile-"));
    profile.flags = flags;
    /** How often the browser was started, and in which of these lives it threw its own database away for the last time; 0 is never. */
    profile.life = 0;
    profile.damaged = 0;
    if (settings) {
      await mkdir(join(profile.folder, "Default"));
      await writeFile(join(profile.folder, "Default", "Preferences"), JSON.stringify(settings));
    }
    return profile;
  }

  /** Starts the browser in a process group of its own; returns its one page. */
  async open() {
    const life = ++this.life;
    const words = [...ARGS, ...this.flags, "--enable-logging=stderr", "--remote-debugging-port=0", `--user-data-dir=${this.folder}`, "about:blank"];
    this.process = spawn(CHROMIUM, words, { stdio: ["ignore", "ignore", "pipe"], detached: true });
    this.gone = once(this.process, "exit");
    const url = await new Promise((resolve, reject) => {
      this.gone.then(() => reject(new Error("the browser has ended")), reject);
      createInterface(this.process.stderr).on("line", (line) => {
        if (DAMAGED.test(line)) this.damaged = life;
        const listening = /DevTools listening on (\S+)/.exec(line);
        if (listening) resolve(listening[1]);
      });
    });
    this.browser = await chromium.connectOverCDP(url);
    return this.browser.contexts()[0].pages()[0];
  }

  /** The whole process group dies at once, as when the power goes. */
  async kill() {
    process.kill(-this.process.pid, "SIGKILL");
    await this.gone;
  }

  /** The visitor quits the browser. */
  async quit() {
    const session = await this.browser.newBrowserCDPSession();
    await session.send("Browser.close");
    await this.gone;
  }

  async close() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
