"""SQLAlchemy: mapped classes with relationships on SQLite: inserts, queries with joins, updates, a unit of work."""

import inputs
from sqlalchemy import ForeignKey, String, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

DEFAULT_SIZE = 1800
QUICK = True
PACKAGES = ("SQLAlchemy",)


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(80))
    pages: Mapped[int]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


def run(step, size):
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    for i in range(size):
        rng = inputs.generator(i)
        with Session(engine) as session:
            for name in inputs.words(rng, 5):
                books = [Book(title=" ".join(inputs.words(rng, 3)), pages=rng.randrange(50, 900)) for _ in range(4)]
                session.add(Author(name=name, books=books))
            session.commit()
            newest = session.scalars(select(Author).order_by(Author.id.desc()).limit(10)
                                     .options(selectinload(Author.books))).all()
            shelf = [(author.name, sorted(book.title for book in author.books)) for author in newest]
            thick = session.execute(select(Author.name, func.sum(Book.pages)).join(Book).group_by(Author.id)
                                    .having(func.sum(Book.pages) > 1500).order_by(Author.id.desc()).limit(5)).all()
            for book in session.scalars(select(Book).where(Book.pages > 800).order_by(Book.id.desc()).limit(5)):
                book.pages -= 1
            if len(newest) == 10:
                session.delete(newest[-1])
            session.commit()
        step([shelf, [tuple(row) for row in thick]])
