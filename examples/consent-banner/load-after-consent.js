// Load after consent: no request goes to the collector before the visitor accepts. The inline snippet in the page holds the calls in memory.

const CHOICE = "consent";

const load = () => {
  const script = document.createElement("script");
  script.src = "https://collector.example.com/tracking.js?token=sh0p-t0k3n";
  document.head.append(script);
};

const choose = (choice) => {
  localStorage.setItem(CHOICE, choice);
  document.querySelector("#banner").hidden = true;
};

const accept = () => {
  choose("granted");
  load();
};

const refuse = () => {
  choose("denied");
  // The library has this function once it has loaded.
  tillroll.consent?.("denied");
};

const earlier = localStorage.getItem(CHOICE);
if (earlier === "granted") load();
else document.querySelector("#banner").hidden = earlier === "denied";

document.querySelector("#accept").addEventListener("click", accept);
document.querySelector("#refuse").addEventListener("click", refuse);
document.querySelector("#withdraw").addEventListener("click", refuse);
