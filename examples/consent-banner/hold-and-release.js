// Hold and release: the library is on every page, and holds calls in memory until the banner reports a choice. The banner keeps the choice, and
// reports it on every page.

const CHOICE = "consent";

const report = (choice) => {
  localStorage.setItem(CHOICE, choice);
  document.querySelector("#banner").hidden = true;
  tillroll.consent(choice);
};

const earlier = localStorage.getItem(CHOICE);
if (earlier) report(earlier);
else document.querySelector("#banner").hidden = false;

document.querySelector("#accept").addEventListener("click", () => report("granted"));
document.querySelector("#refuse").addEventListener("click", () => report("denied"));
document.querySelector("#withdraw").addEventListener("click", () => report("denied"));
