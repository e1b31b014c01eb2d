// The addresses of the scripts that `tillroll/loader` loads on demand. The build puts them in the place of the constants with these names, in
// all files: no bundler can follow an address that is computed, so it bundles none of the scripts.

export let __DEBUG__;
export let __FALLBACK__;
export let __PAGE_VIEWS__;
export let __REPLAY__;

/** Sets the addresses to files beside the WebAssembly file; returns its absolute address. */
export const setWasmAddress = (wasm) => {
  const absolute = new URL(wasm, document.baseURI).href;
  const beside = (name) => new URL(name, absolute).href;
  __DEBUG__ = beside("debug.js");
  __FALLBACK__ = beside("fallback.js");
  __PAGE_VIEWS__ = beside("views.js");
  __REPLAY__ = beside("replay.js");
  return absolute;
};
