/** exp(logit_scale) stays within 1 and 100, as in CLIP. */
export const LOGIT_SCALE_RANGE = { min: 0, max: Math.log(100) } as const;
