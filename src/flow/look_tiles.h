/* Looking at a picture in parts: where they are, and how boxes of several become those of the
 * whole. Pure. */
#ifndef FLOW_LOOK_TILES_H
#define FLOW_LOOK_TILES_H

#include <fovea/ball.h>
#include <fovea/frame.h>

enum { TILES_MAX = 256 };

/* Squares of `side` px (one more at times), less in a smaller picture, that cover `area` and
 * overlap by `overlap` px at least; they begin at even px and lie in the picture. Sides grow where
 * TILES_MAX would not do. Returns how many. */
size_t tiles_cover(fov_ball_region area, int side, int overlap, int width, int height,
                   fov_ball_region tiles[TILES_MAX]);

/* The part of a picture that may hold people on the pitch: by the view of the pitch, else (NULL)
 * where the colour of the ground is. */
fov_ball_region tiles_band(const fov_pitch_view *view, const fov_pitch_size *pitch,
                           const fov_image *image);

/* A box that was seen in a tile, in px of the picture. */
struct tile_box {
    fov_detection box;
    int tile;  /* which one */
    int group; /* boxes suppress those of their group */
    bool cut;  /* it reaches an edge of the tile that is none of the picture */
};

/* From px of a tile to px of the picture. */
struct tile_box tile_box_of(const fov_detection *seen, int tile, const fov_ball_region *region,
                            int group, int width, int height);

/* Boxes of the whole, best scores first: of those that overlap by more than `iou` the better one is
 * left; one that was cut is left out where another holds half of it, or joined with it where both
 * were cut by different tiles. Returns how many are left. */
size_t tiles_merge(struct tile_box *boxes, size_t count, double iou);

#endif
