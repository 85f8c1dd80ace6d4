// What is nicer with JavaScript. Every page works without it.
"use strict";
document.documentElement.classList.add("js");

function offerCopies() {
  for (const button of document.querySelectorAll("button.copy[hidden]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  const label = button.firstChild;
  label.textContent = "Copied";
  setTimeout(() => { label.textContent = "Copy"; }, 1500);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.hasAttribute("data-once")) return;
  const progress = form.querySelector(".progress");
  if (progress) progress.hidden = false;
  form.setAttribute("aria-busy", "true");
});

// The browser may show the page again as it was left.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) {
    form.removeAttribute("aria-busy");
    const progress = form.querySelector(".progress");
    if (progress) progress.hidden = true;
  }
});

document.addEventListener("DOMContentLoaded", () => {
  offerCopies();
  const alert = document.querySelector("[role=alert][tabindex]");
  if (alert) alert.focus();
});
