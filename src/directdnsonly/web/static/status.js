// Fetches the figures again every two seconds while somebody looks, and puts in only what has changed.
"use strict";
(() => {
  const EVERY_MS = 2000;
  const LONGEST_MS = 30000;
  const LIMIT_MS = 15000; // for one answer
  const address = new URL("/status/live", location.origin); // not of the page: that may carry a password, which fetch refuses
  const old = document.getElementById("old");
  let pause = EVERY_MS;
  let timer;
  let asking = false;

  function show(text) {
    const come = new DOMParser().parseFromString(text, "text/html").getElementById("live");
    if (!come) throw new Error("this is no status page");
    const live = document.getElementById("live");
    document.title = come.dataset.title;
    live.dataset.title = come.dataset.title;
    const ids = Array.from(come.children, (part) => part.id);
    const same = ids.join() === Array.from(live.children, (part) => part.id).join();
    if (!same) {
      live.replaceChildren(...come.children);
      return;
    }
    for (const part of Array.from(come.children)) {
      const there = document.getElementById(part.id);
      if (there.outerHTML === part.outerHTML || isSelected(there)) continue;
      const focused = there.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      there.replaceWith(part);
      if (focused !== null) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    }
  }

  // What somebody has just marked, to copy it, is left as it is.
  function isSelected(part) {
    const marked = getSelection();
    return marked !== null && !marked.isCollapsed && marked.containsNode(part, true);
  }

  async function refresh() {
    clearTimeout(timer);
    if (document.hidden || asking) return;
    asking = true;
    try {
      const answer = await fetch(address, { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(LIMIT_MS) });
      if (!answer.ok) throw new Error(answer.status === 401 ? "log in again: reload the page" : `HTTP ${answer.status}`);
      show(await answer.text());
      old.hidden = true;
      pause = EVERY_MS;
    } catch (error) {
      if (old.hidden) old.textContent = `What you see is old: since ${new Date().toLocaleTimeString()} the service has not answered as it should (${error.message}).`;
      old.hidden = false;
      pause = Math.min(pause * 2, LONGEST_MS);
    } finally {
      asking = false;
      timer = setTimeout(refresh, pause);
    }
  }

  document.addEventListener("visibilitychange", refresh);
  timer = setTimeout(refresh, EVERY_MS);
})();
