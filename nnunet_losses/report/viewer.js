// Slices of cropped volumes on a canvas: image in grey or colour, found, missed and invented voxels over it.
(() => {
  const cases = JSON.parse(document.getElementById("volumes").textContent);
  const at = (id) => document.getElementById(id);
  const canvas = at("slice"), pen = canvas.getContext("2d");
  // Never colour alone: missed voxels are striped, invented ones chequered.
  const COLORS = [null, [86, 180, 233], [240, 228, 66], [255, 110, 199]];
  const PATTERN = [null, () => true, (c, r) => (c + r) % 3 > 0, (c, r) => (c + r) % 2 === 0];
  let image = null, codes = null, turn = 0;

  const unpack = async (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };
  const fill = (select, names) => select.replaceChildren(...names.map((name, i) => new Option(name, i)));
  const shown = () => cases[at("case").value];

  // Axis across which to cut; columns and rows of the picture; which of them runs backwards (radiological convention).
  const PLANES = [[2, 0, 1, true], [1, 0, 2, true], [0, 1, 2, false]];
  const draw = () => {
    const { shape, spacing, offset, channels, element } = shown();
    const [axis, across, up, mirrored] = PLANES[at("plane").value];
    const place = +at("position").value, width = shape[across], height = shape[up];
    const step = [shape[1] * shape[2], shape[2], 1];
    const picture = pen.createImageData(width, height), count = [0, 0, 0, 0], overlay = at("overlay").checked;
    for (let r = 0; r < height; r++) {
      for (let c = 0; c < width; c++) {
        const x = mirrored ? width - 1 - c : c;
        const i = place * step[axis] + x * step[across] + (height - 1 - r) * step[up];
        const code = codes[i], to = 4 * (r * width + c);
        count[code]++;
        const color = overlay && code && PATTERN[code](c, r) ? COLORS[code] : null;
        for (let k = 0; k < 3; k++) {
          const value = image[channels * i + (channels === 3 ? k : 0)];
          picture.data[to + k] = color ? (value + 2 * color[k]) / 3 : value;
        }
        picture.data[to + 3] = 255;
      }
    }
    canvas.width = width;
    canvas.height = height;
    const w = width * spacing[across], h = height * spacing[up];
    canvas.style.aspectRatio = `${w} / ${h}`;
    canvas.style.width = `min(100%, ${(68 * w) / h}vh)`;
    pen.putImageData(picture, 0, 0);
    at("words").textContent = `Slice ${place + 1} of ${shape[axis]}` + (offset[axis] ? ` (crop begins ${offset[axis]} slices in)` : "")
      + `: ${count[1]} ${element}s found, ${count[2]} missed, ${count[3]} false positive.`;
  };
  const busiest = (axis) => {
    const { shape } = shown(), sums = new Float64Array(shape[axis]);
    const size = [shape[1] * shape[2], shape[2], 1][axis];
    for (let i = 0; i < codes.length; i++) if (codes[i]) sums[Math.floor(i / size) % shape[axis]]++;
    return sums.indexOf(Math.max(...sums));
  };
  const plane = () => {
    const axis = PLANES[at("plane").value][0], slider = at("position");
    slider.max = shown().shape[axis] - 1;
    slider.value = busiest(axis);
    draw();
  };
  const load = async (keep) => {
    const mine = ++turn, entry = shown(), loss = entry.losses[at("loss").value];
    const [grey, code] = await Promise.all([unpack(entry.image), unpack(loss.codes)]);
    if (mine !== turn) return; // another choice was made meanwhile
    [image, codes] = [grey, code];
    at("score").textContent = loss.score;
    if (keep) draw(); else plane();
  };
  const change = () => {
    const before = at("loss").selectedOptions[0]?.text;
    fill(at("loss"), shown().losses.map((loss) => loss.name));
    at("loss").value = Math.max(0, shown().losses.findIndex((loss) => loss.name === before));
    load(false);
  };
  fill(at("case"), cases.map((entry) => entry.title));
  at("case").addEventListener("change", change);
  at("loss").addEventListener("change", () => load(true));
  at("plane").addEventListener("change", plane);
  at("position").addEventListener("input", draw);
  at("overlay").addEventListener("change", draw);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    at("position").value = +at("position").value + Math.sign(event.deltaY);
    draw();
  }, { passive: false });
  change();
})();
