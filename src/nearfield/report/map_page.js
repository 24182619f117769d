// A map of up to some hundred thousand points: the graphics card draws them by WebGL, or where there is none this script
// on a 2-D canvas; a second canvas above it shows the names and rings. Coordinates are in [0, 1], y downwards; a view is a centre and a scale.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const keys = data.keys, count = keys.length, groups = data.groups, NONE = 65535;
  const $ = (id) => document.getElementById(id);
  const make = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const words16 = (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const words = new Uint16Array(bytes.length / 2);
    for (let i = 0; i < words.length; i++) words[i] = bytes[2 * i] | (bytes[2 * i + 1] << 8);
    return words;
  };
  const places = words16(data.places), values = words16(data.values);
  const X = (i) => places[2 * i] / 65535, Y = (i) => places[2 * i + 1] / 65535;
  const visible = new Uint8Array(groups.length + 1).fill(1);  // the last stands for what has no value
  const groupOf = (i) => (data.kind === "groups" && values[i] !== NONE ? values[i] : groups.length);
  const isShown = (i) => visible[data.kind === "groups" ? groupOf(i) : groups.length] === 1;

  // ---- colours ----
  const colour = { ink: "", paper: "", muted: "", accent: "", none: [], groups: [], ramp: [] };
  const parse = (text) => {
    const hex = text.trim().slice(1);
    const full = hex.length === 3 ? [...hex].map((c) => c + c).join("") : hex;
    return [0, 2, 4].map((at) => parseInt(full.slice(at, at + 2), 16));
  };
  const css = (rgb) => `rgb(${rgb.map(Math.round).join(" ")})`;
  function readColours() {
    const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue(`--${name}`);
    for (const name of ["ink", "paper", "muted", "accent"]) colour[name] = of(name).trim();
    colour.none = parse(of("none"));
    const cycle = Array.from({ length: 8 }, (_, i) => parse(of(`c${i}`)));
    colour.groups = groups.map((group) => cycle[group.colour]);
    colour.plain = parse(of("accent"));
    colour.ramp = Array.from({ length: 5 }, (_, i) => parse(of(`g${i}`)));
  }
  function ramp(share) {
    const at = share * 4, low = Math.min(3, Math.floor(at)), part = at - low;
    return colour.ramp[low].map((c, j) => c + (colour.ramp[low + 1][j] - c) * part);
  }
  function colourOf(i) {
    if (data.kind === "plain") return colour.plain;
    if (values[i] === NONE) return colour.none;
    return data.kind === "groups" ? colour.groups[values[i]] : ramp(values[i] / 65534);
  }
  // Text needs more contrast than a point does, so it takes a share of the ink.
  const legible = (rgb) => rgb.map((part, i) => part * 0.6 + parse(colour.ink)[i] * 0.4);
  const tints = new Uint8Array(4 * count);
  let found = null, onlyGroup = -1;  // rows that a search found, as a set; a group looked at in the legend
  function paintTints() {
    for (let i = 0; i < count; i++) {
      const [r, g, b] = colourOf(i);
      const aside = (found !== null && !found.has(i)) || (onlyGroup >= 0 && groupOf(i) !== onlyGroup);
      tints.set([r, g, b, !isShown(i) ? 0 : aside ? 26 : 215], 4 * i);
    }
    painter.tint();
    requestDraw();
  }

  // ---- the view ----
  const canvas = $("points"), names = $("names"), pen = names.getContext("2d");
  const view = { x: 0.5, y: 0.5, scale: 1 };
  let wide = 0.05, high = 0.05;  // what the points take of the unit square, around its middle
  for (let i = 0; i < count; i++) { wide = Math.max(wide, Math.abs(2 * X(i) - 1)); high = Math.max(high, Math.abs(2 * Y(i) - 1)); }
  let width = 1, height = 1, ratio = 1, base = 1, inset = 0;  // the inset, at the right, is the legend's
  const middle = () => (width - inset) / 2;
  const sx = (x) => (x - view.x) * view.scale + middle(), sy = (y) => (y - view.y) * view.scale + height / 2;
  const zoom = () => view.scale / base;
  const radius = () => Math.min(9, Math.max(1.2, 0.16 * Math.sqrt((width * height) / count)) * Math.pow(Math.max(zoom(), 1), 0.32));
  function settle() {
    view.scale = Math.min(Math.max(view.scale, base * 0.5), base * 400);
    view.x = Math.min(Math.max(view.x, 0), 1);
    view.y = Math.min(Math.max(view.y, 0), 1);
    requestDraw();
  }
  function zoomAt(factor, px, py) {
    const x = view.x + (px - middle()) / view.scale, y = view.y + (py - height / 2) / view.scale;
    view.scale = Math.min(Math.max(view.scale * factor, base * 0.5), base * 400);
    view.x = x - (px - middle()) / view.scale;
    view.y = y - (py - height / 2) / view.scale;
    settle();
  }
  function pan(dx, dy) { view.x -= dx / view.scale; view.y -= dy / view.scale; settle(); }
  let flight = 0;
  function flyTo(x, y, scale) {
    cancelAnimationFrame(flight);
    const from = { ...view }, start = performance.now();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const step = (now) => {
      const t = still ? 1 : Math.min(1, (now - start) / 450), ease = t * t * (3 - 2 * t);
      view.scale = from.scale * Math.pow(scale / from.scale, ease);
      view.x = from.x + (x - from.x) * ease;
      view.y = from.y + (y - from.y) * ease;
      settle();
      if (t < 1) flight = requestAnimationFrame(step);
    };
    flight = requestAnimationFrame(step);
  }
  const reset = () => flyTo(0.5, 0.5, base);
  function resize() {
    const box = canvas.parentElement.getBoundingClientRect(), before = zoom();
    [width, height, ratio] = [Math.max(1, box.width), Math.max(1, box.height), window.devicePixelRatio || 1];
    const legend = document.querySelector("details.legend[open]");
    inset = legend && width > 800 ? legend.getBoundingClientRect().width + 20 : 0;
    base = Math.max(50, Math.min((width - inset - 48) / wide, (height - 64) / high));
    view.scale = base * before;
    for (const each of [canvas, names]) { each.width = Math.round(width * ratio); each.height = Math.round(height * ratio); }
    requestDraw();
  }

  // ---- the points ----
  const VERTEX = `attribute vec2 place; attribute vec4 tint; uniform vec2 scale, offset; uniform mediump float size; varying vec4 seen;
    void main() { seen = tint; gl_PointSize = size; gl_Position = tint.a == 0.0 ? vec4(2.0, 2.0, 2.0, 1.0) : vec4(place * scale + offset, 0.0, 1.0); }`;
  const FRAGMENT = `precision mediump float; varying vec4 seen; uniform mediump float size;
    void main() { float a = clamp(size * (0.5 - distance(gl_PointCoord, vec2(0.5))), 0.0, 1.0) * seen.a; gl_FragColor = vec4(seen.rgb * a, a); }`;
  function webglPainter() {
    // WebGL computed in software takes many times as long as the other painter, and is refused.
    const gl = canvas.getContext("webgl", { antialias: false, premultipliedAlpha: true, failIfMajorPerformanceCaveat: true });
    if (!gl) return null;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    const attribute = (name, size, type, content) => {
      const buffer = gl.createBuffer(), at = gl.getAttribLocation(program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, content, gl.DYNAMIC_DRAW);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, size, type, true, 0, 0);
      return buffer;
    };
    attribute("place", 2, gl.UNSIGNED_SHORT, places);
    const tintBuffer = attribute("tint", 4, gl.UNSIGNED_BYTE, tints);
    const at = (name) => gl.getUniformLocation(program, name), scale = at("scale"), offset = at("offset"), size = at("size");
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    return {
      tint() { gl.bindBuffer(gl.ARRAY_BUFFER, tintBuffer); gl.bufferSubData(gl.ARRAY_BUFFER, 0, tints); },
      draw() {
        const kx = (2 * view.scale) / width, ky = (2 * view.scale) / height;
        gl.viewport(0, 0, canvas.width, canvas.height);
        gl.clear(gl.COLOR_BUFFER_BIT);
        gl.uniform2f(scale, kx, -ky);
        gl.uniform2f(offset, -view.x * kx - inset / width, view.y * ky);
        gl.uniform1f(size, (2 * radius() + 1) * ratio);
        gl.drawArrays(gl.POINTS, 0, count);
      },
    };
  }
  // Without a graphics card each disc is mixed into the pixels, several times as fast as to fill as many paths.
  function flatPainter() {
    const brush = canvas.getContext("2d");
    let image = brush.createImageData(1, 1);
    function disc(r, rowLength) {
      const reach = Math.ceil(r), offsets = [], covers = [];
      for (let dy = -reach; dy <= reach; dy++) {
        for (let dx = -reach; dx <= reach; dx++) {
          const cover = Math.min(1, r + 0.5 - Math.hypot(dx, dy));
          if (cover > 0) { offsets.push(4 * (dy * rowLength + dx)); covers.push(Math.round(cover * 256)); }
        }
      }
      return [reach, Int32Array.from(offsets), Int32Array.from(covers)];
    }
    return {
      tint() {},
      draw() {
        const w = canvas.width, h = canvas.height, [red, green, blue] = parse(colour.paper);
        if (image.width !== w || image.height !== h) image = brush.createImageData(w, h);
        const pixels = image.data, [reach, offsets, covers] = disc(radius() * ratio, w);
        new Uint32Array(pixels.buffer).fill(((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0);
        for (let i = 0; i < count; i++) {
          const alpha = tints[4 * i + 3], x = Math.round(sx(X(i)) * ratio), y = Math.round(sy(Y(i)) * ratio);
          if (alpha === 0 || x < reach || y < reach || x >= w - reach || y >= h - reach) continue;
          const r = tints[4 * i], g = tints[4 * i + 1], b = tints[4 * i + 2], middle = 4 * (y * w + x);
          for (let j = 0; j < offsets.length; j++) {
            const at = middle + offsets[j], share = covers[j] * alpha;  // of 65,280
            pixels[at] += ((r - pixels[at]) * share) >> 16;
            pixels[at + 1] += ((g - pixels[at + 1]) * share) >> 16;
            pixels[at + 2] += ((b - pixels[at + 2]) * share) >> 16;
          }
        }
        brush.putImageData(image, 0, 0);
      },
    };
  }

  // ---- who is near: rows sorted into the cells of a square grid ----
  const side = Math.max(1, Math.ceil(Math.sqrt(count / 4)));
  const cell = (v) => Math.min(side - 1, Math.max(0, Math.floor(v * side)));
  const starts = new Uint32Array(side * side + 1), sorted = new Uint32Array(count);
  for (let i = 0; i < count; i++) starts[cell(Y(i)) * side + cell(X(i)) + 1]++;
  for (let c = 0; c < side * side; c++) starts[c + 1] += starts[c];
  const next = starts.slice();
  for (let i = 0; i < count; i++) sorted[next[cell(Y(i)) * side + cell(X(i))]++] = i;
  function within(x, y, reach) {
    const rows = [];
    for (let cy = cell(y - reach); cy <= cell(y + reach); cy++) {
      const row = cy * side;
      for (let at = starts[row + cell(x - reach)]; at < starts[row + cell(x + reach) + 1]; at++) {
        const i = sorted[at], away = Math.hypot(X(i) - x, Y(i) - y);
        if (away <= reach && isShown(i)) rows.push([away, i]);
      }
    }
    return rows.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  }
  function nearestTo(row, wanted) {
    for (let reach = 1 / side; ; reach *= 2) {
      const rows = within(X(row), Y(row), reach).filter(([, i]) => i !== row);
      if (rows.length >= wanted || reach > 2) return rows.slice(0, wanted).map(([, i]) => i);
    }
  }
  function rowAt(px, py, pixels) {
    const rows = within(view.x + (px - middle()) / view.scale, view.y + (py - height / 2) / view.scale, pixels / view.scale);
    return rows.length ? rows[0][1] : -1;
  }

  // ---- names, which never cover each other: groups first, then keys in the order of the data ----
  const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
  const widths = new Map();
  function textWidth(text, font) {
    const known = font + text;
    if (!widths.has(known)) { pen.font = font; widths.set(known, pen.measureText(text).width); }
    return widths.get(known);
  }
  const short = (text, most) => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
  let placed = [], placedAt = 0, placing = 0;
  function placeNames() {
    const boxes = [];
    placed = [];
    const tryAt = (label) => {
      const w = textWidth(label.text, label.font) / 2 + 3, h = label.size * 0.62;
      const x = sx(label.x), y = sy(label.y) - label.up;
      if (x - w < 2 || x + w > width - inset - 2 || y - h < 2 || y + h > height - 2) return false;
      for (const b of boxes) if (x - w < b[2] && x + w > b[0] && y - h < b[3] && y + h > b[1]) return false;
      boxes.push([x - w, y - h, x + w, y + h]);
      placed.push(label);
      return true;
    };
    const key = (i, strong) => tryAt({
      text: short(keys[i], 32), x: X(i), y: Y(i), up: radius() + 9, size: 12.5, font: `${strong ? 650 : 400} 12.5px ${FONT}`,
      tint: strong ? colour.ink : colour.muted,
    });
    if (chosen >= 0) key(chosen, true);
    // Where groups are named, the keys wait until one has come nearer.
    let room = Math.round((width * height) / (groups.length && zoom() < 1.7 ? 40000 : 17000));
    if (found) { let shown = 0; for (const i of found) if (isShown(i) && key(i, true) && ++shown > 60) break; }
    groups.forEach((group, number) => {
      if (!visible[number] || !group.label || (onlyGroup >= 0 && number !== onlyGroup)) return;
      const label = { text: short(group.name, 30), x: group.x, y: group.y, up: 0, size: 14, font: `650 14px ${FONT}`, tint: css(legible(colour.groups[number])) };
      if (tryAt(label)) room -= 2;
    });
    for (let i = 0, tried = 0; i < count && room > 0 && tried < 3000; i++) {
      const x = sx(X(i)), y = sy(Y(i));
      if (x < 0 || y < 0 || x > width - inset || y > height || tints[4 * i + 3] < 100) continue;
      tried++;
      if (key(i, false)) room--;
    }
    placedAt = performance.now();
  }
  function ring(row, r, weight) {
    pen.beginPath();
    pen.arc(sx(X(row)), sy(Y(row)), r, 0, 7);
    pen.lineWidth = weight + 2.5;
    pen.strokeStyle = colour.paper;
    pen.stroke();
    pen.lineWidth = weight;
    pen.strokeStyle = colour.ink;
    pen.stroke();
  }
  function drawNames() {
    // While the map moves the names go with it; which of them there is room for is found out now and then.
    clearTimeout(placing);
    if (performance.now() - placedAt > 90) placeNames();
    else placing = setTimeout(() => { placedAt = 0; requestDraw(); }, 100);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (found) { let drawn = 0; for (const i of found) { if (isShown(i)) ring(i, radius() + 2, 1); if (++drawn > 300) break; } }
    if (hovered >= 0) ring(hovered, radius() + 2.5, 1.5);
    if (chosen >= 0) ring(chosen, radius() + 4, 2.5);
    [pen.textAlign, pen.textBaseline, pen.lineJoin, pen.lineWidth, pen.strokeStyle] = ["center", "middle", "round", 4, colour.paper];
    for (const label of placed) {
      const x = sx(label.x), y = sy(label.y) - label.up;
      pen.font = label.font;
      pen.strokeText(label.text, x, y);
      pen.fillStyle = label.tint;
      pen.fillText(label.text, x, y);
    }
  }
  let hovered = -1, chosen = -1, asked = false;
  function requestDraw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; painter.draw(); drawNames(); });
  }
  const replaceNames = () => { placedAt = 0; requestDraw(); };

  // ---- what a point is ----
  const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
  function about(i) {
    if (data.kind === "plain") return "";
    if (values[i] === NONE) return data.none;
    return data.kind === "groups" ? groups[values[i]].name : number.format(data.low + ((data.high - data.low) * values[i]) / 65534);
  }
  const tip = $("tip");
  function hover(row, px, py) {
    canvas.classList.toggle("over", row >= 0);
    tip.hidden = row < 0;
    if (row >= 0) {
      if (row !== hovered) tip.replaceChildren(make("span", keys[row], { dir: "auto" }), ...(about(row) ? [make("small", about(row), { dir: "auto" })] : []));
      const box = tip.getBoundingClientRect();
      const x = Math.min(px + 14, width - box.width - 6), y = py + 18 + box.height > height ? py - box.height - 12 : py + 18;
      tip.style.transform = `translate(${Math.max(6, x)}px, ${Math.max(6, y)}px)`;
    }
    if (row !== hovered) { hovered = row; requestDraw(); }
  }
  function choose(row, { fly = false, focus = false } = {}) {
    chosen = row;
    $("card").hidden = row < 0;
    if (row >= 0) {
      $("chosen").textContent = keys[row];
      $("of").textContent = about(row);
      $("near").replaceChildren(...nearestTo(row, 8).map((i) => {
        const button = make("button", keys[i], { type: "button", dir: "auto" }), item = make("li");
        button.addEventListener("click", () => choose(i, { fly: true, focus: true }));
        item.append(button);
        return item;
      }));
      say(`${keys[row]}${about(row) ? `, ${about(row)}` : ""}`);
      if (fly) flyTo(X(row), Y(row), Math.max(view.scale, Math.min(base * 400, base * Math.max(4, Math.sqrt(count / 150)))));
      if (focus) $("near").querySelector("button")?.focus();
    }
    replaceNames();
  }
  const say = (text) => { $("status").textContent = text; };

  // ---- mouse, touch, wheel, keyboard ----
  const pointers = new Map();
  let travelled = 0;
  const local = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    cancelAnimationFrame(flight);
    if (pointers.size === 0) travelled = 0;
    pointers.set(event.pointerId, local(event));
    canvas.classList.add("moving");
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = local(event), before = pointers.get(event.pointerId);
    if (!before) { if (event.pointerType === "mouse") hover(rowAt(...at, 12), ...at); return; }
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    if (others.length === 1) {
      const [other] = others, far = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
      zoomAt(far(at) / Math.max(1, far(before)), (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
      pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
      travelled = 99;
    } else if (others.length === 0) {
      travelled += Math.abs(at[0] - before[0]) + Math.abs(at[1] - before[1]);
      if (travelled > 4) { hover(-1); pan(at[0] - before[0], at[1] - before[1]); }
    }
    pointers.set(event.pointerId, at);
  });
  const lift = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (pointers.size === 0) canvas.classList.remove("moving");
    if (event.type === "pointerup" && travelled <= 4 && pointers.size === 0) choose(rowAt(...local(event), event.pointerType === "mouse" ? 12 : 24));
  };
  for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, lift);
  canvas.addEventListener("pointerleave", () => hover(-1));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    cancelAnimationFrame(flight);
    const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
    zoomAt(Math.exp(-Math.max(-240, Math.min(240, pixels)) * (event.ctrlKey ? 0.01 : 0.002)), ...local(event));
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoomAt(2, ...local(event)));
  const ACTIONS = {
    ArrowLeft: () => pan(70, 0), ArrowRight: () => pan(-70, 0), ArrowUp: () => pan(0, 70), ArrowDown: () => pan(0, -70),
    "+": () => zoomAt(1.4, middle(), height / 2), "=": () => zoomAt(1.4, middle(), height / 2), "-": () => zoomAt(1 / 1.4, middle(), height / 2),
    0: reset, Escape: () => choose(-1),
    Enter: () => choose(rowAt(middle(), height / 2, Math.hypot(width, height))),
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !ACTIONS[event.key]) return;
    event.preventDefault();
    ACTIONS[event.key]();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== input) { event.preventDefault(); input.focus(); }
  });
  $("in").addEventListener("click", ACTIONS["+"]);
  $("out").addEventListener("click", ACTIONS["-"]);
  $("whole").addEventListener("click", reset);
  $("close").addEventListener("click", () => { choose(-1); canvas.focus(); });

  // ---- search ----
  const input = $("search"), list = $("found"), LISTED = 40;
  const lower = keys.map((key) => key.toLowerCase());
  let hits = [], active = -1;
  function search() {
    const wanted = input.value.trim().toLowerCase();
    hits = [];
    if (wanted) for (let i = 0; i < count; i++) if (lower[i].includes(wanted) && isShown(i)) hits.push(i);
    const rank = (i) => (lower[i] === wanted ? 0 : lower[i].startsWith(wanted) ? 1 : 2);
    hits.sort((a, b) => rank(a) - rank(b) || a - b);
    found = wanted ? new Set(hits) : null;
    active = hits.length ? 0 : -1;
    list.replaceChildren(...hits.slice(0, LISTED).map((i, at) => {
      const item = make("li", undefined, { role: "option", id: `hit${at}`, dir: "auto" });
      const start = lower[i].indexOf(wanted), key = keys[i];
      // Where lower case has another length, as of İ, the places do not fit and nothing is marked.
      if (lower[i].length === key.length) item.append(key.slice(0, start), make("mark", key.slice(start, start + wanted.length)), key.slice(start + wanted.length));
      else item.append(key);
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(at); });
      return item;
    }));
    if (hits.length > LISTED) list.append(make("li", `and ${(hits.length - LISTED).toLocaleString("en")} more on the map`, { class: "more" }));
    if (wanted && !hits.length) list.append(make("li", "no key has this in it", { class: "more" }));
    open(wanted !== "");
    if (wanted) say(hits.length === 1 ? "1 key found" : `${hits.length.toLocaleString("en")} keys found`);
    paintTints();
    replaceNames();
  }
  function open(is) {
    list.hidden = !is;
    input.setAttribute("aria-expanded", is);
    [...list.children].forEach((item, at) => { if (item.id) item.setAttribute("aria-selected", at === active); });
    if (is && active >= 0) { input.setAttribute("aria-activedescendant", `hit${active}`); list.children[active].scrollIntoView({ block: "nearest" }); }
    else input.removeAttribute("aria-activedescendant");
  }
  function take(at) { active = at; open(false); choose(hits[at], { fly: true }); }
  input.addEventListener("input", search);
  input.addEventListener("focus", () => open(input.value.trim() !== ""));
  input.addEventListener("blur", () => open(false));
  input.addEventListener("keydown", (event) => {
    const shown = Math.min(hits.length, LISTED), move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move && shown) { event.preventDefault(); active = (active + move + shown) % shown; open(true); }
    else if (event.key === "Enter" && active >= 0) take(active);
    else if (event.key === "Escape") { event.preventDefault(); input.value = ""; search(); canvas.focus(); }
  });

  // ---- legend ----
  const entries = [];
  function fillLegend() {
    if (data.kind !== "groups") return;
    const listed = groups.map((group, at) => [group.name, group.size, at]);
    const without = values.reduce((sum, value) => sum + (value === NONE), 0);
    if (without) listed.push([data.none, without, groups.length]);
    for (const [name, size, at] of listed) {
      const button = make("button", undefined, { type: "button", "aria-pressed": "true" }), item = make("li");
      button.append(make("i"), make("span", name, { dir: "auto" }), make("small", size.toLocaleString("en")));
      button.addEventListener("click", () => { visible[at] = 1 - visible[at]; showLegend(); });
      const look = (number) => () => { if (onlyGroup !== number) { onlyGroup = number; paintTints(); replaceNames(); } };
      button.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") look(visible[at] ? at : -1)(); });
      button.addEventListener("pointerleave", look(-1));
      item.append(button);
      $("entries").append(item);
      entries.push([button, at]);
    }
    $("all").addEventListener("click", () => { visible.fill(1); showLegend(); });
    $("no").addEventListener("click", () => { visible.fill(0); showLegend(); });
  }
  function showLegend() {
    for (const [button, at] of entries) {
      button.setAttribute("aria-pressed", visible[at] === 1);
      button.firstChild.style.background = at < groups.length ? css(colour.groups[at]) : "";
    }
    if (chosen >= 0 && !isShown(chosen)) choose(-1);
    onlyGroup = -1;
    if (found) search(); else { paintTints(); replaceNames(); }
    open(false);
  }

  // ---- begin ----
  let painter = webglPainter() || flatPainter();
  canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
  canvas.addEventListener("webglcontextrestored", () => { painter = webglPainter(); paintTints(); });
  document.body.classList.add("ready");
  $("map").hidden = false;
  const theme = () => { readColours(); showLegend(); };
  fillLegend();
  if (matchMedia("(max-width: 40rem)").matches) document.querySelectorAll("details.legend").forEach((each) => { each.open = false; });
  new ResizeObserver(resize).observe(canvas.parentElement);
  document.querySelector("details.legend")?.addEventListener("toggle", resize);
  resize();
  theme();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", theme);
})();
