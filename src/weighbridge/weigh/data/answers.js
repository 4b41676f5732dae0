"use strict";
// What an answer can be shown as: its differences from the base, and, where it is HTML, the page that it would be.
const Answers = (() => {
  const MOST_WORDS = 3000; // of one text; the table of a comparison grows with their product
  const MARKUP = /<(!doctype|html|body|div|section|table|h[1-6]|p|ul|ol|svg|form|button|style|script|span|img)\b[^>]*>/i;
  // Names of elements that a page does not need in order to be looked at, and that could reach out or move it.
  const LEFT_OUT = "script,noscript,link,meta,base,iframe,frame,frameset,object,embed,applet,portal,template";
  // In the frame nothing may run or load. Styles written in the answer itself are what it is looked at for.
  const POLICY =
    "<meta http-equiv=\"x-dns-prefetch-control\" content=\"off\">" +
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">";

  const split = (text) => text.match(/\s+|[\p{L}\p{N}\p{M}_]+|[^\s\p{L}\p{N}\p{M}_]/gu) ?? [];

  // Pieces as [kind, text]: kind is "same", "gone" (only in `old`) or "new". Null where the texts are too long.
  function changes(old, fresh) {
    const [a, b] = [split(old), split(fresh)];
    let start = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
    let end = 0;
    while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
    const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
    if (Math.max(left.length, right.length) > MOST_WORDS) return null;
    const pieces = [];
    const add = (kind, text) => {
      if (!text) return;
      if (pieces.length && pieces.at(-1)[0] === kind) pieces.at(-1)[1] += text;
      else pieces.push([kind, text]);
    };
    add("same", a.slice(0, start).join(""));
    middle(left, right, add);
    add("same", end ? a.slice(-end).join("") : "");
    return pieces;
  }

  // The longest common subsequence of words, told from the front.
  function middle(left, right, add) {
    const width = right.length + 1;
    const longest = new Uint16Array((left.length + 1) * width);
    for (let i = left.length - 1; i >= 0; i -= 1) {
      for (let j = right.length - 1; j >= 0; j -= 1) {
        const at = i * width + j;
        longest[at] = left[i] === right[j] ? longest[at + width + 1] + 1 : Math.max(longest[at + width], longest[at + 1]);
      }
    }
    let [i, j] = [0, 0];
    while (i < left.length || j < right.length) {
      if (i < left.length && j < right.length && left[i] === right[j]) {
        add("same", left[i]);
        i += 1;
        j += 1;
      } else if (i < left.length && (j === right.length || longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
        add("gone", left[i]);
        i += 1;
      } else {
        add("new", right[j]);
        j += 1;
      }
    }
  }

  // How much of two texts is shared, from 0 to 1.
  function likeness(pieces) {
    const size = (kind) => pieces.filter((p) => p[0] === kind).reduce((sum, p) => sum + p[1].trim().length, 0);
    const same = size("same");
    return same ? (2 * same) / (2 * same + size("gone") + size("new")) : 0;
  }

  // The HTML in an answer: that of its first fenced block, or the whole where it has markup; "" where it has none.
  function markup(text) {
    const fenced = /```html?\s*\n([\s\S]*?)(?:```|$)/i.exec(text)?.[1] ?? text;
    return MARKUP.test(fenced) ? fenced : "";
  }

  // A frame that can run, load, send and open nothing, with the answer as a page in it.
  function frame(html, title) {
    const parsed = new DOMParser().parseFromString(html, "text/html"); // inert: nothing in it runs or loads
    for (const node of parsed.querySelectorAll(LEFT_OUT)) node.remove();
    for (const node of parsed.querySelectorAll("a, area, form")) {
      for (const name of ["href", "xlink:href", "ping", "action"]) node.removeAttribute(name);
    }
    const made = document.createElement("iframe");
    made.setAttribute("sandbox", "");
    made.setAttribute("referrerpolicy", "no-referrer");
    made.setAttribute("title", title);
    made.setAttribute("srcdoc", `<!doctype html>${POLICY}${parsed.documentElement.outerHTML}`);
    return made;
  }

  return { changes, likeness, markup, frame };
})();
