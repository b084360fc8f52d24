/* What is drawn on a pitch, by law 1 of the Laws of the Game. Metres; distances are to the outer
 * edges of the lines, as the law has them. For those who look for the lines and those who draw
 * them. */
#ifndef BASE_PITCH_LAW_H
#define BASE_PITCH_LAW_H

#define PITCH_GOAL_AREA_LENGTH 5.5
#define PITCH_GOAL_AREA_HALF 9.16 /* of its width: 5.5 from each post */
#define PITCH_PENALTY_AREA_LENGTH 16.5
#define PITCH_PENALTY_AREA_HALF 20.16
#define PITCH_SPOT 11.0
#define PITCH_CIRCLE 9.15
#define PITCH_POST 3.66
#define PITCH_LINE 0.12 /* width of the lines, at most */

/* Size where nobody says another one: that of international matches. */
#define PITCH_USUAL_LENGTH 105.0
#define PITCH_USUAL_WIDTH 68.0

#endif
