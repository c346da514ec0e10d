// Conveniences only: every page reads and every form works without this file.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const isTyping = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");

  // The server prints times in the reader's zone.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const base = $("meta[name=base]")?.content ?? "";
  if (zone && !document.cookie.includes(`orbit_tz=${zone}`)) {
    document.cookie = `orbit_tz=${zone}; path=${base || "/"}; max-age=31536000; samesite=lax`;
  }

  // Dialogs: a link to a page opens the same form in a dialog.
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    const dialog = opener && document.getElementById(opener.dataset.dialog);
    if (dialog && !event.metaKey && !event.ctrlKey) {
      event.preventDefault();
      dialog.showModal();
    }
    const closer = event.target.closest("[data-close]");
    if (closer) (closer.closest("dialog, .toast, details") ?? {}).tagName === "DIALOG"
      ? closer.closest("dialog").close()
      : (closer.closest(".toast")?.remove(), closer.closest("details")?.removeAttribute("open"));
    if (event.target.matches("dialog")) event.target.close();
    for (const menu of $$("details.menu[open]")) if (!menu.contains(event.target)) menu.removeAttribute("open");
    const copier = event.target.closest("[data-copy]");
    if (copier) {
      navigator.clipboard?.writeText(copier.dataset.copy);
      const text = copier.textContent;
      copier.textContent = copier.dataset.copied;
      setTimeout(() => { copier.textContent = text; }, 1500);
    }
  });

  // Selecting rows: one, a range with Shift, the page, or all that match.
  let last = null;
  const picks = () => $$(".pick");
  function count() {
    const bar = $("#bar");
    if (!bar) return;
    const chosen = picks().filter((pick) => pick.checked).length;
    const all = $("#all-matching");
    const page = $("#pick-page");
    if (page) {
      page.checked = chosen > 0 && chosen === picks().length;
      page.indeterminate = chosen > 0 && !page.checked;
    }
    if (all && (chosen < picks().length)) all.checked = false;
    const label = $("#all-label");
    if (label) label.hidden = chosen < picks().length;
    $("#count").textContent = all?.checked ? all.dataset.count : chosen;
  }
  document.addEventListener("change", (event) => {
    if (event.target.matches("#pick-page")) for (const pick of picks()) pick.checked = event.target.checked;
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
    if (event.target.matches("#pick-page, .pick, #all-matching")) count();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.matches(".pick")) return;
    const all = picks();
    const here = all.indexOf(event.target);
    if (event.shiftKey && last !== null) {
      for (let i = Math.min(last, here); i <= Math.max(last, here); i++) all[i].checked = event.target.checked;
    }
    last = here;
    count();
  });
  const clear = () => { for (const pick of picks()) pick.checked = false; last = null; count(); };
  document.addEventListener("click", (event) => { if (event.target.closest("[data-clear]")) clear(); });

  // Rows pasted anywhere on the page of imports are looked into at once.
  document.addEventListener("paste", (event) => {
    const box = $("[data-paste]");
    const text = event.clipboardData?.getData("text/plain");
    const file = event.clipboardData?.files[0];
    const chooser = box && file && $(".drop input");
    if (!box || (isTyping(event.target) && event.target !== box) || (!chooser && !text?.includes("\n"))) return;
    event.preventDefault();
    if (chooser) chooser.files = event.clipboardData.files;
    else box.value = text;
    (chooser || box).form.requestSubmit();
  });

  // Keyboard: / j k x Enter Esc ? and Ctrl-K.
  let row = -1;
  function move(step) {
    const rows = $$("tbody tr[data-href]");
    if (!rows.length) return;
    rows[row]?.classList.remove("at");
    row = Math.max(0, Math.min(rows.length - 1, row + step));
    rows[row].classList.add("at");
    rows[row].querySelector("a")?.focus({ preventScroll: true });
    rows[row].scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "k") {
      const palette = $("#palette");
      if (palette && !palette.open) { event.preventDefault(); palette.showModal(); $("#palette-q").select(); }
      return;
    }
    const found = event.target.closest("#palette");
    if (found && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      const links = $$("a", found);
      const at = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      (links[at] ?? $("#palette-q")).focus();
      event.preventDefault();
    }
    if (found && event.key === "Enter" && event.target.id === "palette-q") {
      $("a", found)?.click();
      event.preventDefault();
    }
    if (event.key === "Escape" && !$("dialog[open]")) {
      if (event.target.closest("#search")) {
        event.preventDefault(); // a search field would empty itself, and with it the list
        event.target.blur();
      } else if (picks().some((pick) => pick.checked)) clear();
      for (const menu of $$("details.menu[open]")) menu.removeAttribute("open");
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || $("dialog[open]")) return;
    const rows = $$("tbody tr[data-href]");
    const act = {
      "/": () => { $("#search")?.focus(); $("#search")?.select(); },
      j: () => move(1),
      k: () => move(-1),
      x: () => rows[row]?.querySelector(".pick")?.click(),
      X: () => {
        const pick = rows[row]?.querySelector(".pick");
        if (pick) pick.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
      },
      Enter: () => { if (rows[row] && !event.target.closest("a, button")) location.href = rows[row].dataset.href; },
      "?": () => $("#help")?.showModal(),
    }[event.key];
    if (act) { if (event.key !== "Enter") event.preventDefault(); act(); }
  });

  // After htmx put in new rows the row under the cursor and the selection begin anew.
  document.addEventListener("htmx:after:swap", (event) => {
    row = -1; last = null; count();
    // A form changed the contact: what was fetched beside it is asked for anew.
    if (event.detail?.ctx?.target?.id === "page") for (const id of ["next", "profile"]) $(`#${id}[hx-trigger=changed]`)?.dispatchEvent(new Event("changed"));
  });
  document.addEventListener("DOMContentLoaded", count);
  window.addEventListener("pageshow", count);
  document.documentElement.classList.add("js");
})();
