
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const plan = JSON.parse($("geometry").textContent);
  const [W, H] = plan.box;
  const board = $("board"), view = $("view"), panel = $("panel"), hover = $("hover");
  const lanes = plan.lanes.map(([number, height, wide]) => ({
    number, height, wide, folded: plan.folded, top: 0, group: $("l" + number), head: $("h" + number), ground: $("s" + number),
  }));
  const laneOf = new Map(lanes.map((lane) => [lane.number, lane]));
  const nodes = plan.nodes.map(([lane, phase, column, y, cell, critical, kind], n) => ({
    n, phase, column, y, cell, critical, kind, lane: laneOf.get(lane), el: $("b" + n), row: $("t" + n), edges: [], match: true,
  }));
  const cells = plan.cells.map(([lane, phase], n) => ({ n, phase, lane: laneOf.get(lane), el: $("c" + n), nodes: [] }));
  nodes.forEach((node) => cells[node.cell].nodes.push(node));
  const edges = plan.edges.map(([before, after], n) => {
    const el = $("g" + n);
    const edge = { n, before: nodes[before], after: nodes[after], el, paths: el.querySelectorAll("path"), item: $("e" + n) };
    edge.before.edges.push(edge);
    edge.after.edges.push(edge);
    return edge;
  });
  // What a task says of itself, not what is said of its neighbours.
  const text = nodes.map((node) => [".name", ".meta", ".body>p", ".body>dl"]
    .map((part) => (node.row.querySelector(part) || { textContent: "" }).textContent).join(" ").toLowerCase());
  let zoom = 1, total = 0, across = plan.width, at = null, hits = [], hit = -1;

  // --- places: heights of lanes and widths of phases add up, everything else was computed when the page was made
  const headings = board.querySelectorAll("#phases .heading");
  const left = [];
  const spot = (node) => node.lane.folded
    ? [left[node.phase], node.lane.top + plan.head] : [left[node.phase] + node.column * (W + plan.gap), node.lane.top + node.y];
  const curve = (a, b) => {
    const x1 = a[0] + W, y1 = a[1] + H / 2, x2 = b[0], y2 = b[1] + H / 2;
    if (x2 < x1) return `M${x1} ${y1}C${x1 + 36} ${y1} ${x2 + W + 36} ${y2} ${x2 + W} ${y2}`;
    const bend = Math.max(24, (x2 - x1) >> 1);
    return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  };
  const show = (el, yes) => yes ? el.removeAttribute("display") : el.setAttribute("display", "none");

  function lay() {
    let top = plan.top, x = plan.margin;
    for (let phase = 0; phase < plan.phases; phase++) {
      left[phase] = x;
      headings[phase].setAttribute("x", x);
      x += Math.max(1, ...lanes.map((lane) => (lane.folded ? 1 : lane.wide[phase]))) * (W + plan.gap);
    }
    across = Math.max(x - plan.gap, W + plan.margin) + plan.margin;
    for (const lane of lanes) {
      lane.top = top;
      const height = lane.folded ? plan.foldedHeight : lane.height;
      lane.group.setAttribute("transform", `translate(0 ${top})`);
      lane.head.setAttribute("transform", `translate(0 ${top})`);
      lane.head.setAttribute("aria-expanded", String(!lane.folded));
      lane.head.querySelector(".sign").textContent = lane.folded ? "▸" : "▾";
      lane.ground.setAttribute("y", top);
      lane.ground.setAttribute("height", height);
      show(lane.group, !lane.folded);
      top += height;
    }
    total = top + plan.margin;
    for (const node of nodes) {
      if (!node.lane.folded) node.el.setAttribute("transform", `translate(${spot(node)[0]} ${node.y})`);
    }
    for (const cell of cells) {
      show(cell.el, cell.lane.folded);
      cell.el.setAttribute("transform", `translate(${left[cell.phase]} ${cell.lane.top + plan.head})`);
    }
    const drawn = new Set();
    for (const edge of [...edges].sort((a, b) => b.el.classList.contains("critical") - a.el.classList.contains("critical"))) {
      const from = edge.before.lane.folded ? "c" + edge.before.cell : edge.before.n;
      const to = edge.after.lane.folded ? "c" + edge.after.cell : edge.after.n;
      const key = from + ">" + to;
      const visible = from !== to && !drawn.has(key);
      drawn.add(key);
      show(edge.el, visible);
      if (visible) {
        const d = curve(spot(edge.before), spot(edge.after));
        edge.paths.forEach((path) => path.setAttribute("d", d));
      }
    }
    size();
  }
  function size() {
    const wide = Math.max(across, view.clientWidth / zoom);
    board.setAttribute("viewBox", `0 0 ${wide} ${total}`);
    board.setAttribute("width", wide * zoom);
    board.setAttribute("height", total * zoom);
    board.querySelectorAll(".phase-ground,.lane-ground").forEach((ground) => ground.setAttribute("width", wide));
    pin();
  }
  function pin() {
    $("heads").setAttribute("transform", `translate(${view.scrollLeft / zoom} 0)`);
    $("phases").setAttribute("transform", `translate(0 ${view.scrollTop / zoom})`);
  }
  function scale(next, focus) {
    next = Math.min(2, Math.max(0.15, next));
    const x = (view.scrollLeft + view.clientWidth / 2) / zoom, y = (view.scrollTop + view.clientHeight / 2) / zoom;
    zoom = next;
    size();
    view.scrollLeft = x * zoom - view.clientWidth / 2;
    view.scrollTop = y * zoom - view.clientHeight / 2;
    pin();
  }
  function fold(lane, folded) {
    if (lane.folded === folded) return;
    lane.folded = folded;
    lay();
    filter();
  }
  function foldAll(folded) {
    lanes.forEach((lane) => { lane.folded = folded; });
    lay();
    filter();
  }
  function reveal(node) {
    if (node.lane.folded) fold(node.lane, false);
    const [x, y] = spot(node);
    view.scrollTo(Math.max(0, (x + W / 2) * zoom - view.clientWidth / 2), Math.max(0, (y + H / 2) * zoom - view.clientHeight / 2));
    pin();
  }

  // --- search and filters
  const pressed = (el) => el.getAttribute("aria-pressed") === "true";
  function filter() {
    const words = $("query").value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = new Set([...document.querySelectorAll(".chip")].filter(pressed).map((chip) => chip.dataset.kind));
    const onlyCritical = pressed($("critical"));
    const active = words.length > 0 || kinds.size > 0 || onlyCritical;
    hits = [];
    for (const node of nodes) {
      node.match = (!onlyCritical || node.critical) && (!kinds.size || kinds.has(node.kind)) && words.every((word) => text[node.n].includes(word));
      if (active && node.match) hits.push(node);
      node.el.classList.toggle("dim", active && !node.match);
      node.el.classList.toggle("hit-box", words.length > 0 && node.match);
    }
    for (const cell of cells) {
      const found = active && cell.nodes.some((node) => node.match);
      cell.el.classList.toggle("dim", active && !found);
      cell.el.classList.toggle("hit-box", words.length > 0 && found);
    }
    for (const edge of edges) edge.el.classList.toggle("dim", active && !(edge.before.match && edge.after.match));
    hit = -1;
    $("hits").textContent = !active ? "" : hits.length === 1 ? "1 task" : hits.length + " tasks";
  }
  function nextHit(step) {
    if (!hits.length) return;
    hit = (hit + step + hits.length) % hits.length;
    select(hits[hit], false);
    $("hits").textContent = `${hit + 1} of ${hits.length}`;
  }

  // --- what is explained: copies of what the list below says, so that no text is ever made into markup here
  function copy(source) {
    const made = source.cloneNode(true);
    made.removeAttribute("id");
    made.querySelectorAll("[id]").forEach((el) => el.removeAttribute("id"));
    return made;
  }
  function mark(el) {
    board.querySelectorAll(".at").forEach((old) => old.classList.remove("at"));
    if (el) el.classList.add("at");
  }
  function open(title, content) {
    $("panel-title").textContent = title;
    $("panel-body").replaceChildren(...content);
    panel.hidden = false;
    panel.scrollTop = 0;
  }
  function select(node, focus = true) {
    at = node;
    const opening = panel.hidden;
    open(node.row.querySelector(".name").textContent.trim(), [copy($("d" + node.n))]);
    reveal(node);
    if (opening) reveal(node);
    near(node);
    mark(node.el);
    stop(node.el);
    if (focus) node.el.focus({ preventScroll: true });
  }
  function explain(edge) {
    const list = document.createElement("ul");
    list.className = "whys";
    list.append(copy(edge.item));
    open(edge.after.row.querySelector(".name").textContent.trim(), [list]);
    near(null, [edge]);
    mark(edge.el);
  }
  function close() {
    if (panel.hidden) return;
    panel.hidden = true;
    mark(null);
    near(null);
    if (at) at.el.focus({ preventScroll: true });
  }
  const face = (each) => (each.lane.folded ? cells[each.cell].el : each.el);
  function near(node, around = node ? node.edges : []) {
    board.classList.toggle("near", Boolean(node) || around.length > 0);
    board.querySelectorAll(".near").forEach((el) => el.classList.remove("near"));
    if (node) face(node).classList.add("near");
    for (const edge of around) {
      edge.el.classList.add("near");
      face(edge.before).classList.add("near");
      face(edge.after).classList.add("near");
    }
  }

  // --- a short word on hover or focus
  function say(rows, x, y) {
    hover.replaceChildren(...rows.map(([strong, words]) => {
      const p = document.createElement("p");
      if (strong) p.className = "strong";
      p.textContent = words.length > 260 ? words.slice(0, 259) + "…" : words;
      return p;
    }));
    hover.hidden = false;
    const box = hover.getBoundingClientRect();
    hover.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 6)) + "px";
    hover.style.top = Math.max(4, y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18) + "px";
  }
  const plain = (el) => el.textContent.replace(/\s+/g, " ").trim();
  function about(edge) {
    const rows = [[true, plain(edge.after.row.querySelector(".name")) + " " + plain(edge.item.querySelector(".edge-line"))]];
    edge.item.querySelectorAll(".reasons li").forEach((li) => rows.push([false, plain(li)]));
    return rows.slice(0, 4);
  }
  function aboutNode(node) {
    const rows = [[true, plain(node.row.querySelector(".name"))]];
    const waits = node.edges.filter((edge) => edge.after === node);
    for (const edge of waits.slice(0, 4)) {
      const reason = edge.item.querySelector(".reasons li");
      rows.push([false, plain(edge.item.querySelector(".edge-line")) + (reason ? ": " + plain(reason) : "")]);
    }
    if (waits.length > 4) rows.push([false, `and ${waits.length - 4} more`]);
    if (!waits.length) rows.push([false, "waits for nothing"]);
    return rows;
  }

  // --- pointer and keys
  const owner = (target) => {
    const el = target.closest && target.closest(".box,.edge-group,.lane-head");
    if (!el) return null;
    const n = Number(el.id.slice(1));
    return { b: () => ({ node: nodes[n] }), c: () => ({ cell: cells[n] }), g: () => ({ edge: edges[n] }), h: () => ({ lane: laneOf.get(n) }) }[el.id[0]]();
  };
  board.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse") return;
    const found = owner(event.target);
    if (found && found.node) { say(aboutNode(found.node), event.clientX, event.clientY); near(found.node); }
    else if (found && found.edge) { say(about(found.edge), event.clientX, event.clientY); near(null, [found.edge]); }
    else if (found && found.cell) say([[true, found.cell.el.getAttribute("aria-label")], [false, "Click to unfold"]], event.clientX, event.clientY);
    else { hover.hidden = true; near(panel.hidden ? null : at); }
  });
  board.addEventListener("pointerleave", () => { hover.hidden = true; near(panel.hidden ? null : at); });
  board.addEventListener("click", (event) => {
    const found = owner(event.target);
    hover.hidden = true;
    if (!found) return close();
    if (found.node) select(found.node);
    else if (found.edge) explain(found.edge);
    else if (found.cell) { fold(found.cell.lane, false); reveal(found.cell.nodes[0]); }
    else fold(found.lane, !found.lane.folded);
  });
  function stop(el) {
    board.querySelectorAll(".box[tabindex]").forEach((old) => old.removeAttribute("tabindex"));
    el.setAttribute("tabindex", "0");
  }
  function faces() {
    const seen = new Map();
    for (const node of nodes) {
      const [x, y] = spot(node);
      const el = node.lane.folded ? cells[node.cell].el : node.el;
      if (!seen.has(el)) seen.set(el, { el, x, y, node });
    }
    return [...seen.values()];
  }
  function step(from, key) {
    const all = faces(), here = all.find((face) => face.el === from);
    if (!here) return all[0];
    if (key === "ArrowRight" || key === "ArrowLeft") {
      const along = key === "ArrowRight" ? 1 : -1;
      const linked = here.el === here.node.el
        ? here.node.edges.map((edge) => (along > 0 ? edge.after : edge.before)).filter((node) => node !== here.node)
            .map((node) => all.find((each) => each.el === face(node))) : [];
      const wanted = linked.length ? linked : all.filter((face) => (face.x - here.x) * along > 0);
      return wanted.sort((a, b) => Math.abs(a.x - here.x) + Math.abs(a.y - here.y) - Math.abs(b.x - here.x) - Math.abs(b.y - here.y))[0];
    }
    const down = key === "ArrowDown" ? 1 : -1;
    return all.filter((face) => (face.y - here.y) * down > 0)
      .sort((a, b) => Math.abs(a.x - here.x) * 2 + Math.abs(a.y - here.y) - Math.abs(b.x - here.x) * 2 - Math.abs(b.y - here.y))[0];
  }
  board.addEventListener("keydown", (event) => {
    const found = owner(event.target);
    if (!found) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (found.lane) fold(found.lane, !found.lane.folded);
      else if (found.cell) { fold(found.cell.lane, false); select(found.cell.nodes[0]); }
      else { select(found.node); $("panel-title").focus({ preventScroll: true }); }
    } else if (event.key.startsWith("Arrow") && !found.lane) {
      event.preventDefault();
      const next = step(event.target.closest(".box"), event.key);
      if (next) {
        stop(next.el);
        if (next.el === next.node.el && !panel.hidden) select(next.node);
        else { reveal2(next); next.el.focus({ preventScroll: true }); }
      }
    }
  });
  function reveal2(face) {
    const x = face.x * zoom, y = face.y * zoom;
    if (x < view.scrollLeft || x + W * zoom > view.scrollLeft + view.clientWidth) view.scrollLeft = x - view.clientWidth / 2;
    if (y < view.scrollTop + 60 || y + H * zoom > view.scrollTop + view.clientHeight) view.scrollTop = y - view.clientHeight / 2;
    pin();
  }
  board.addEventListener("focusin", (event) => {
    const found = owner(event.target);
    if (!found || !found.node || !event.target.matches(":focus-visible")) return;
    const box = event.target.getBoundingClientRect();
    near(found.node);
    if (panel.hidden) say(aboutNode(found.node), box.left, box.bottom - 10);
  });
  board.addEventListener("focusout", () => { hover.hidden = true; });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { hover.hidden = true; close(); }
    if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) { event.preventDefault(); $("query").focus(); }
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest('a[href^="#t"]');
    if (!link || link.getAttribute("href") === "#tasks") return;
    event.preventDefault();
    select(nodes[Number(link.getAttribute("href").slice(2))]);
    $("graph").scrollIntoView({ block: "nearest" });
  });
  let soon = 0;
  $("query").addEventListener("input", () => { cancelAnimationFrame(soon); soon = requestAnimationFrame(filter); });
  $("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); filter.last !== $("query").value && (filter(), filter.last = $("query").value); nextHit(event.shiftKey ? -1 : 1); }
  });
  const toggle = (el) => el.addEventListener("click", () => { el.setAttribute("aria-pressed", String(!pressed(el))); filter(); });
  toggle($("critical"));
  document.querySelectorAll(".chip").forEach(toggle);
  if ($("fold")) {
    $("fold").addEventListener("click", () => foldAll(true));
    $("unfold").addEventListener("click", () => foldAll(false));
  }
  $("smaller").addEventListener("click", () => scale(zoom / 1.25));
  $("larger").addEventListener("click", () => scale(zoom * 1.25));
  $("fit").addEventListener("click", () => {
    const all = Math.min(view.clientWidth / across, view.clientHeight / total);
    scale(Math.abs(zoom - all) < 0.01 || all > 1 ? 1 : all);
  });
  $("close").addEventListener("click", close);
  view.addEventListener("scroll", pin, { passive: true });
  lanes.forEach((lane) => lane.head.setAttribute("tabindex", "0"));
  document.documentElement.classList.add("live");
  lay();
  const first = faces()[0];
  if (first) stop(first.el);
  document.documentElement.dataset.ready = "yes";
})();
