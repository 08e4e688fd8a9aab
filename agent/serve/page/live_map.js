// The report's map, fed by events; with tiles under it where the server was started with them.
/* global GeoMap */

const TILE = 256, KEPT = 300;

export class LiveMap extends GeoMap.BeliefMap {
  constructor(figure, tiles) {
    super(figure, { heat: [], bounds: null, points: [], towns: [] });
    this.tiles = tiles;
    this.pictures = new Map();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.later());
  }

  ground(c, colour, land) {
    super.ground(c, colour, land);
    if (!this.tiles) return;
    const pixels = this.scale * GeoMap.WORLD;
    const zoom = GeoMap.clamp(Math.round(Math.log2(pixels * Math.min(this.ratio, 2) / TILE)), 0, 19), count = 2 ** zoom;
    const side = pixels / count, left = this.width / 2 - this.x * this.scale, top = this.height / 2 - this.y * this.scale;
    const first = [-left, -top].map(edge => Math.floor(edge / side)), last = [this.width - left, this.height - top].map(edge => Math.floor(edge / side));
    this.plain(c);
    for (let row = Math.max(0, first[1]); row <= Math.min(count - 1, last[1]); row++) {
      for (let column = first[0]; column <= last[0]; column++) {
        const picture = this.tile(zoom, ((column % count) + count) % count, row);
        if (picture) c.drawImage(picture, left + column * side, top + row * side, side + 0.5, side + 0.5);
      }
    }
  }

  tile(z, x, y) {
    const url = this.tiles.url.replaceAll("{z}", z).replaceAll("{x}", x).replaceAll("{y}", y);
    let picture = this.pictures.get(url);
    if (!picture) {
      picture = new Image();
      picture.onload = () => this.later();
      picture.src = url;
      this.pictures.set(url, picture);
      if (this.pictures.size > KEPT) this.pictures.delete(this.pictures.keys().next().value);
    }
    return picture.complete && picture.naturalWidth ? picture : null;
  }
}

// Country outlines come once, from this server.
export async function loadOutlines() {
  const reply = await fetch("/page/outlines.json");
  const block = document.createElement("script");
  block.type = "application/json";
  block.id = "outlines";
  block.textContent = await reply.text();
  document.head.append(block);
}
