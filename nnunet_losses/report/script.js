// Everything here is an extra: without it the page reads the same.
(() => {
  // A phone begins with the contents closed; paper shows what is folded.
  if (window.matchMedia("(max-width: 70rem)").matches) document.querySelector("nav details").open = false;
  const folded = () => document.querySelectorAll("main details:not([open])");
  let opened = [];
  window.addEventListener("beforeprint", () => { opened = [...folded()]; opened.forEach((d) => { d.open = true; }); });
  window.addEventListener("afterprint", () => opened.forEach((d) => { d.open = false; }));
  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const details = target && target.querySelector(":scope > details");
    if (details) details.open = true;
  };
  window.addEventListener("hashchange", reveal);
  reveal();
})();
