// The code blocks of a document.

import { readFileSync } from "node:fs";

/**
 * Returns the blocks of a file, in order: language, text, line of the first fence, the heading above, and the reason of a comment
 * `not run: REASON` in the line before. `path` is relative to the root.
 */
export const codeBlocks = (path) => {
  const blocks = [];
  let heading = "";
  let open;
  let reason;
  for (const [index, text] of readFileSync(new URL(`../../${path}`, import.meta.url), "utf8").split("\n").entries()) {
    const fence = /^```(\w*)/.exec(text);
    if (open && fence) {
      blocks.push({ ...open, text: open.lines.join("\n") + "\n" });
      open = undefined;
    } else if (open) open.lines.push(text);
    else if (fence) open = { path, language: fence[1], line: index + 1, heading, reason, lines: [] };
    else heading = /^#+ (.*)/.exec(text)?.[1] ?? heading;
    reason = /^<!-- not run: (.*) -->$/.exec(text)?.[1];
  }
  return blocks;
};
