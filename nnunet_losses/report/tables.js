// Sorting, searching and paging; DataTable comes from the bundle before this.
// A card is read as it stands, and may have cells of several columns, which DataTable cannot sort.
DataTable.ext.errMode = "none"; // a table that cannot be sorted stays as it is; the default is a dialog
document.querySelectorAll("table.short:not(.card), table.long:not(.card)").forEach((table) => {
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
