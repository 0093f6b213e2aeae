"""Python-chess: alpha-beta search over legal moves, with positions from and to notation."""

import chess
import inputs

DEFAULT_SIZE = 1900
PACKAGES = ("chess",)

_VALUES = {chess.PAWN: 100, chess.KNIGHT: 320, chess.BISHOP: 330, chess.ROOK: 500, chess.QUEEN: 900, chess.KING: 0}


def _value(board):
    total = 0
    for square, piece in board.piece_map().items():
        value = _VALUES[piece.piece_type] + len(board.attacks(square))
        total += value if piece.color == board.turn else -value
    return total


def _search(board, depth, alpha, beta):
    if depth == 0:
        return _value(board)
    for move in sorted(board.legal_moves, key=board.is_capture, reverse=True):
        board.push(move)
        score = -_search(board, depth - 1, -beta, -alpha)
        board.pop()
        if score >= beta:
            return beta
        alpha = max(alpha, score)
    return alpha


def run(step, size):
    for i in range(size):
        rng = inputs.generator(i)
        board = chess.Board()
        for _ in range(rng.randrange(10, 30)):
            moves = sorted(board.legal_moves, key=str)
            if not moves:
                break
            move = rng.choice(moves)
            san = board.san(move)
            assert board.parse_san(san) == move
            board.push(move)
        step([_search(chess.Board(board.fen()), 1 + i % 2, -10000, 10000), board.fen()])
