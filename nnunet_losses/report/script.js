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

  // Sorting, searching and paging, from the one bundle in this page.
  const source = document.getElementById("datatables");
  if (!source) return;
  const url = URL.createObjectURL(new Blob([source.textContent], { type: "text/javascript" }));
  import(url).then(({ default: DataTable }) => {
    document.querySelectorAll("table.short, table.long").forEach((table) => {
      const long = table.classList.contains("long");
      const caption = table.caption;
      const made = new DataTable(table, {
        paging: long, searching: long, info: long, order: [], autoWidth: false, pageLength: 15, lengthChange: false,
        layout: long ? { topStart: "search", topEnd: null, bottomStart: "info", bottomEnd: "paging" }
          : { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
        language: { search: "", searchPlaceholder: "Filter rows", info: "_START_–_END_ of _TOTAL_" },
      });
      if (caption && !table.caption) table.prepend(caption);
      window.addEventListener("beforeprint", () => long && made.page.len(-1).draw());
      window.addEventListener("afterprint", () => long && made.page.len(15).draw());
    });
  }).finally(() => URL.revokeObjectURL(url));
})();
