"use strict";
// An extra: everything can be read without it. A link into something that is folded opens it, and samples can be
// searched.
const folded = (node) => { for (let at = node; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true; };
const reached = () => {
  const node = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (node) { folded(node); node.scrollIntoView(); }
};
addEventListener("hashchange", reached);
addEventListener("DOMContentLoaded", () => {
  reached();
  for (const form of document.querySelectorAll(".find")) {
    form.style.display = "flex";
    const samples = [...form.parentElement.querySelectorAll(".sample")];
    const count = form.querySelector("output");
    const input = form.querySelector("input");
    const sift = () => {
      const wanted = input.value.toLowerCase();
      let left = 0;
      for (const sample of samples) {
        sample.hidden = !sample.textContent.toLowerCase().includes(wanted);
        left += sample.hidden ? 0 : 1;
      }
      count.textContent = `${left} of ${samples.length}`;
    };
    input.addEventListener("input", sift);
    sift();
  }
});
