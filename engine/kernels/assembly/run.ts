/**
 * The module's one door: runs `calls` recorded calls of the contract (../kernels.ts) beginning at byte address
 * `program`. The cases stand in the contract's order and the arguments in the order of its words; a test compares both,
 * so neither can drift. Never allocates.
 */
import { combinationAlpha, combinationGradient, combinationPenalty, combinationWeights, mask } from "./combination";
import { convolutionBackward } from "./convolution-backward";
import { convolutionForward } from "./convolution-forward";
import { convolutionGradient } from "./convolution-gradient";
import { denseBackward, denseBatchGradient, denseForward, denseGradient } from "./dense";
import { dropoutBackward, dropoutForward } from "./dropout";
import { clear, gather, pad, square } from "./elementwise";
import { loss, lossCurvature, scatter, softmax } from "./loss";
import {
  normalisationBackward,
  normalisationBackwardMoments,
  normalisationBackwardStatistics,
  normalisationForward,
  normalisationMoments,
  normalisationStatistics,
} from "./normalisation";
import { adam, levenbergMarquardt, reduce, scale, sgd, squaredNorm } from "./optimisers";
import { subsamplingBackward, subsamplingForward, subsamplingGradient } from "./subsampling";
import { realBytes } from "./address";

const callBytes: usize = 128;

/** Argument n of the call at `at`. */
// @ts-ignore: decorator
@inline
function word(at: usize, n: u32): u32 {
  return load<u32>(at + realBytes(n));
}

/** Runs one call; false where the opcode is not in the contract. */
function runCall(at: usize): bool {
  switch (word(at, 0)) {
    case 0:
      clear(word(at, 1), word(at, 2));
      return true;
    case 1:
      square(word(at, 1), word(at, 2), word(at, 3));
      return true;
    case 2:
      gather(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
        word(at, 9),
      );
      return true;
    case 3:
      pad(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5), word(at, 6), word(at, 7));
      return true;
    case 4:
      convolutionForward(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
        word(at, 9),
        word(at, 10),
        word(at, 11),
        word(at, 12),
      );
      return true;
    case 5:
      convolutionBackward(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
        word(at, 9),
        word(at, 10),
        word(at, 11),
        word(at, 12),
        word(at, 13),
        word(at, 14),
        word(at, 15),
      );
      return true;
    case 6:
      convolutionGradient(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
        word(at, 9),
        word(at, 10),
        word(at, 11),
      );
      return true;
    case 7:
      denseForward(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
      );
      return true;
    case 8:
      denseBackward(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
      );
      return true;
    case 9:
      denseGradient(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5), word(at, 6), word(at, 7));
      return true;
    case 10:
      denseBatchGradient(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5), word(at, 6), word(at, 7));
      return true;
    case 11:
      subsamplingForward(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
        word(at, 9),
        word(at, 10),
        word(at, 11),
        word(at, 12),
      );
      return true;
    case 12:
      subsamplingBackward(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
        word(at, 9),
        word(at, 10),
        word(at, 11),
        word(at, 12),
      );
      return true;
    case 13:
      subsamplingGradient(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5), word(at, 6), word(at, 7));
      return true;
    case 14:
      dropoutForward(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
      );
      return true;
    case 15:
      dropoutBackward(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
        word(at, 9),
        word(at, 10),
      );
      return true;
    case 16:
      normalisationStatistics(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5), word(at, 6));
      return true;
    case 17:
      normalisationMoments(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
      );
      return true;
    case 18:
      normalisationForward(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
        word(at, 9),
      );
      return true;
    case 19:
      normalisationBackwardStatistics(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
      );
      return true;
    case 20:
      normalisationBackwardMoments(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
      );
      return true;
    case 21:
      normalisationBackward(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
        word(at, 9),
        word(at, 10),
        word(at, 11),
      );
      return true;
    case 22:
      softmax(word(at, 1), word(at, 2), word(at, 3), word(at, 4));
      return true;
    case 23:
      loss(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
        word(at, 9),
        word(at, 10),
        word(at, 11),
        word(at, 12),
      );
      return true;
    case 24:
      lossCurvature(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
      );
      return true;
    case 25:
      scatter(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5));
      return true;
    case 26:
      combinationAlpha(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5));
      return true;
    case 27:
      combinationWeights(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5), word(at, 6), word(at, 7));
      return true;
    case 28:
      combinationGradient(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
        word(at, 9),
        word(at, 10),
      );
      return true;
    case 29:
      combinationPenalty(
        word(at, 1),
        word(at, 2),
        word(at, 3),
        word(at, 4),
        word(at, 5),
        word(at, 6),
        word(at, 7),
        word(at, 8),
      );
      return true;
    case 30:
      mask(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5));
      return true;
    case 31:
      reduce(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5), word(at, 6));
      return true;
    case 32:
      squaredNorm(word(at, 1), word(at, 2), word(at, 3));
      return true;
    case 33:
      scale(word(at, 1), word(at, 2), word(at, 3));
      return true;
    case 34:
      sgd(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5), word(at, 6));
      return true;
    case 35:
      adam(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5), word(at, 6));
      return true;
    case 36:
      levenbergMarquardt(word(at, 1), word(at, 2), word(at, 3), word(at, 4), word(at, 5));
      return true;
    default:
      return false;
  }
}

/** Returns the calls done: fewer than asked where an opcode is unknown. */
export function run(program: usize, calls: u32): u32 {
  for (let call: u32 = 0; call < calls; call++) if (!runCall(program + call * callBytes)) return call;
  return calls;
}
