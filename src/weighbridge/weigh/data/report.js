// Draws the samples from the JSON block, one page at a time. Texts of models only ever become text nodes.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const list = document.getElementById("list");
  if (!list) return;
  const PAGE = 50;
  const marks = document.getElementById("marks").content.children;
  const form = document.querySelector(".filters");
  const category = document.getElementById("f-category");
  const show = document.getElementById("f-show");
  const text = document.getElementById("f-text");
  const byId = new Map(data.samples.map((sample, index) => [sample.id, index]));
  const haystacks = new Array(data.samples.length);
  let matching = [];
  let page = 0;

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== "") node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }
  const mark = (engine) => marks[engine].cloneNode(true);
  const graded = (result) => result !== null && !result.missing;
  const right = (result) => graded(result) && !result.error && result.score >= 1;
  const number = (value) => value.toLocaleString("en-US");

  // --- which samples -------------------------------------------------------------------------------

  function shows() {
    const kinds = [
      ["all", "All samples", () => true],
      ["disagree", "Disagreements only", (s) => new Set(s.results.filter(graded).map((r) => r.score)).size > 1],
      ["failures", "Failures only (any engine)", (s) => s.results.some((r) => graded(r) && !right(r))],
      ["errors", "Calls that failed", (s) => s.results.some((r) => r?.error)],
      ["missing", "Not graded", (s) => s.results.some((r) => r?.missing)],
      ["unasked", "Not asked of every engine", (s) => s.results.includes(null)],
    ];
    const rare = ["missing", "unasked"];
    const common = kinds.filter(([name, , fits]) => !rare.includes(name) || data.samples.some(fits));
    return data.compared ? common : common.filter(([name]) => name !== "disagree");
  }

  // For each candidate, which of the two was right.
  function outcomes(i) {
    const base = data.engines[0];
    const name = data.engines[i];
    const both = (s) => graded(s.results[0]) && graded(s.results[i]);
    return [
      [`lost-${i}`, `Lost: ${base} right, ${name} not`, (s) => both(s) && right(s.results[0]) && !right(s.results[i])],
      [`won-${i}`, `Won: ${name} right, ${base} not`, (s) => both(s) && right(s.results[i]) && !right(s.results[0])],
      [`both-${i}`, `Both right: ${name} and ${base}`, (s) => right(s.results[0]) && right(s.results[i])],
      [`neither-${i}`, `Neither right: ${name}, ${base}`, (s) => both(s) && !right(s.results[0]) && !right(s.results[i])],
    ];
  }
  const candidates = data.compared ? data.engines.map((_, i) => i).slice(1) : [];
  const kinds = [...shows(), ...candidates.flatMap(outcomes)];

  function haystack(index) {
    if (haystacks[index] === undefined) {
      const s = data.samples[index];
      const blocks = [...s.asked.map((m) => m.blocks), ...s.results.map((r) => r?.blocks ?? [])].flat();
      const whys = s.results.flatMap((r) => (r ? [r.why, r.error, r.label, ...r.judged] : [])).concat(s.preferred ?? []);
      haystacks[index] = [s.id, s.target, s.cluster, ...blocks.map((b) => b[1]), ...whys].join("\n").toLowerCase();
    }
    return haystacks[index];
  }

  function filter() {
    const wanted = text.value.trim().toLowerCase();
    const fits = kinds.find((kind) => kind[0] === show.value)[2];
    matching = [];
    data.samples.forEach((sample, index) => {
      if (category.selectedIndex > 0 && sample.category !== data.categories[category.selectedIndex - 1]) return;
      if (fits(sample) && (!wanted || haystack(index).includes(wanted))) matching.push(index);
    });
    page = 0;
    draw();
  }

  // --- one page of rows ----------------------------------------------------------------------------

  function draw() {
    const first = page * PAGE;
    const shown = matching.slice(first, first + PAGE);
    list.replaceChildren(...shown.map(row));
    const total = number(data.samples.length);
    const count = matching.length === data.samples.length ? `${total} samples` : `${number(matching.length)} of ${total} samples`;
    document.getElementById("count").textContent = matching.length ? count : `No sample fits, of ${total}.`;
    document.getElementById("heads").hidden = !shown.length;
    document.getElementById("pager").hidden = matching.length <= PAGE;
    document.getElementById("where").textContent = `${number(first + 1)}\u2013${number(first + shown.length)} of ${number(matching.length)}`;
    document.getElementById("previous").disabled = page === 0;
    document.getElementById("next").disabled = first + PAGE >= matching.length;
  }

  function row(index) {
    const sample = data.samples[index];
    const asked = sample.asked.filter((m) => m.role === "user").at(-1) ?? sample.asked.at(-1);
    const line = (asked?.blocks ?? []).map((b) => b[1]).join(" ").slice(0, 240);
    const button = make(
      "button",
      { type: "button", "aria-expanded": "false", class: "head" },
      make("span", { class: "sid" }, sample.id),
      make("span", { class: "ask", dir: "auto" }, line),
      make("span", { class: "scores" }, ...sample.results.map(score)),
    );
    const item = make("li", { "data-index": index, id: "s-" + sample.id }, button);
    button.addEventListener("click", () => toggle(item));
    return item;
  }

  function score(result, engine) {
    const [sign, word, kind] =
      result === null ? ["\u2013", "not asked", "none"]
      : result.missing ? ["?", "not graded", "none"]
      : result.error ? ["!", "call failed", "error"]
      : result.score >= 1 ? ["\u2713", "right", "right"]
      : result.score <= 0 ? ["\u00d7", "wrong", "wrong"]
      : [`${Math.round(result.score * 100)}%`, `${Math.round(result.score * 100)} percent`, "part"];
    const node = make("span", { class: `score ${kind}`, title: `${data.engines[engine]}: ${word}` });
    node.append(make("span", { "aria-hidden": "true" }, sign), make("span", { class: "hidden" }, `${data.engines[engine]}: ${word}. `));
    return node;
  }

  function toggle(item, open = item.firstChild.getAttribute("aria-expanded") !== "true") {
    item.firstChild.setAttribute("aria-expanded", String(open));
    if (open && item.children.length === 1) item.append(detail(data.samples[Number(item.dataset.index)]));
    if (item.children[1]) item.children[1].hidden = !open;
  }

  // --- one sample, opened --------------------------------------------------------------------------

  function detail(sample) {
    const link = make("a", { href: "#s-" + encodeURIComponent(sample.id), class: "link" }, "Link to this sample");
    const facts = [sample.category, `graded by ${sample.grader}`, sample.cluster && `cluster ${sample.cluster}`].filter(Boolean);
    return make(
      "div",
      { class: "detail" },
      make("p", { class: "notes" }, ...facts.map((fact) => make("span", {}, fact)), link),
      make("div", { class: "asked" }, ...sample.asked.map(turn), target(sample)),
      make("div", { class: "answers" }, ...sample.results.map((result, engine) => answer(sample, result, engine))),
      ...lines("judged preferred", sample.preferred),
    );
  }

  function turn(message) {
    return make("div", { class: "turn" }, make("h4", {}, message.role), ...message.blocks.map(block));
  }

  function target(sample) {
    if (!sample.target) return "";
    return make("div", { class: "turn target" }, make("h4", {}, "target"), block(["", sample.target]));
  }

  function block([kind, content]) {
    const body = make("pre", { dir: "auto", tabindex: content.length > 900 ? "0" : undefined }, content);
    return kind ? make("div", { class: "kind" }, make("span", {}, kind), body) : body;
  }

  const plain = (result) => result.blocks.filter(([kind]) => !kind).map(([, content]) => content).join("\n");

  // A button that swaps what is shown for something else, made when it is first asked for.
  function swap(label, shown, build, on) {
    const button = make("button", { type: "button", class: "as", "aria-pressed": "false" }, label);
    let other = null;
    function turn(pressed) {
      if (pressed && !other) shown.after((other = build()));
      button.setAttribute("aria-pressed", String(pressed));
      shown.hidden = pressed;
      if (other) other.hidden = !pressed;
    }
    button.addEventListener("click", () => turn(button.getAttribute("aria-pressed") !== "true"));
    if (on) queueMicrotask(() => turn(true));
    return button;
  }

  function compared(pieces) {
    const tags = { gone: "del", new: "ins" };
    const told = pieces.map(([kind, content]) => (tags[kind] ? make(tags[kind], {}, content) : content));
    return make("pre", { dir: "auto", tabindex: "0", class: "changes" }, ...told);
  }

  // Ways of looking at an answer: its words, what changed from the base's, the page that it is.
  function views(sample, result, engine, shown) {
    const mine = plain(result);
    const base = engine > 0 && sample.results[0] ? plain(sample.results[0]) : "";
    const pieces = base && mine && base !== mine ? Answers.changes(base, mine) : null;
    const html = Answers.markup(mine);
    const buttons = [];
    if (pieces) buttons.push(swap("Changes from the base", shown, () => compared(pieces), !html && Answers.likeness(pieces) >= 0.5));
    if (html) buttons.push(swap("Show as a page", shown, () => Answers.frame(html, `${data.engines[engine]}: the answer as a page`), false));
    // One at a time: pressing one lets go of the other.
    for (const button of buttons) {
      button.addEventListener("click", () => {
        if (button.getAttribute("aria-pressed") !== "true") return;
        for (const rest of buttons) if (rest !== button && rest.getAttribute("aria-pressed") === "true") rest.click();
        shown.hidden = true;
      });
    }
    return buttons.length ? [make("p", { class: "views" }, ...buttons)] : [];
  }

  function lines(kind, told) {
    return told?.length ? [make("ul", { class: kind }, ...told.map((line) => make("li", { dir: "auto" }, line)))] : [];
  }

  function answer(sample, result, engine) {
    const head = make("h4", {}, mark(engine), make("span", {}, data.engines[engine]), score(result, engine));
    if (result === null) return make("article", {}, head, make("p", { class: "why" }, "Not asked in this run."));
    const same = engine > 0 && sample.results[0] && result.blocks.length && String(result.blocks) === String(sample.results[0].blocks);
    const notes = [...result.notes, sample.repeats?.[engine], same && !data.wordless ? "same words as the base" : ""].filter(Boolean);
    const form = result.valid === null ? "" : result.valid ? "form as asked for" : "not in the form asked for";
    const why = result.error ? `call failed: ${result.error}` : [result.missing && "not graded", result.label, form, result.why].filter(Boolean).join("; ");
    const nothing = data.wordless ? "The document holds no words of this answer." : "empty answer";
    const empty = !result.error && !result.blocks.length ? [make("p", { class: "empty" }, nothing)] : [];
    const shown = make("div", { class: "words" }, ...result.blocks.map(block), ...empty);
    return make(
      "article",
      {},
      head,
      shown,
      ...views(sample, result, engine, shown),
      make("p", { class: "why", dir: "auto" }, why),
      ...lines("judged", result.judged),
      make("p", { class: "notes" }, ...notes.map((note) => make("span", {}, note))),
    );
  }

  // --- moving about --------------------------------------------------------------------------------

  function goTo(fragment) {
    if (!fragment.startsWith("#s-")) return;
    let id;
    try {
      id = decodeURIComponent(fragment.slice(3));
    } catch {
      return;
    }
    const index = byId.get(id);
    if (index === undefined) return;
    if (!matching.includes(index)) {
      category.selectedIndex = show.selectedIndex = 0;
      text.value = "";
      filter();
    }
    const place = matching.indexOf(index);
    if (Math.floor(place / PAGE) !== page) {
      page = Math.floor(place / PAGE);
      draw();
    }
    const item = list.children[place - page * PAGE];
    toggle(item, true);
    item.scrollIntoView({ block: "start" });
    item.firstChild.focus({ preventScroll: true });
  }

  function turnPage(by) {
    page += by;
    draw();
    document.getElementById("samples").scrollIntoView();
    list.firstChild.firstChild.focus({ preventScroll: true });
  }

  list.addEventListener("keydown", (event) => {
    if (!event.target.classList.contains("head")) return;
    const items = [...list.children];
    const here = items.indexOf(event.target.parentNode);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined || !items[to]) return;
    event.preventDefault();
    items[to].firstChild.focus();
  });

  category.append(make("option", {}, "All categories"), ...data.categories.map((name) => make("option", {}, name)));
  const option = ([value, name]) => make("option", { value }, name);
  show.append(...shows().map(option));
  for (const i of candidates) show.append(make("optgroup", { label: data.engines[i] }, ...outcomes(i).map(option)));
  document.getElementById("heads").append(make("span", {}, "Sample"), make("span", { class: "scores" }, ...data.engines.map((_, i) => make("span", { class: "score" }, mark(i)))));
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  for (const field of [category, show]) field.addEventListener("change", filter);
  text.addEventListener("input", filter);
  document.getElementById("previous").addEventListener("click", () => turnPage(-1));
  document.getElementById("next").addEventListener("click", () => turnPage(1));
  window.addEventListener("hashchange", () => goTo(location.hash));
  filter();
  // Once loaded, for the browser itself goes to the address before that and would take the focus away again.
  window.addEventListener("load", () => goTo(location.hash));
})();
